package io.glmimage.spark;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.ScalaUDF;
import org.apache.spark.sql.execution.QueryExecution;
import org.apache.spark.sql.execution.SparkPlan;

/** What physical plans of Spark are made of. */
public final class PlanShape {
  /** Operators and expressions that call functions of this program, or make objects of rows. */
  private static final Set<String> ROW_BY_ROW =
      Set.of(
          "AppendColumnsExec",
          "CreateExternalRow",
          "DeserializeToObjectExec",
          "ExternalRDDScanExec",
          "FlatMapGroupsInPandasExec",
          "Invoke",
          "MapElementsExec",
          "MapObjects",
          "MapPartitionsExec",
          "NewInstance",
          "ObjectHashAggregateExec",
          "PythonUDF",
          "RDDScanExec",
          "SerializeFromObjectExec",
          "UserDefinedGenerator");

  private PlanShape() {}

  /**
   * What a query does row by row, so that Spark RAPIDS leaves it on the CPU: names of classes, and
   * {@code ScalaUDF NAME} for each user-defined function.
   */
  public static List<String> rowByRow(Dataset<?> query) throws ReflectiveOperationException {
    // Spark 4 has the method in a subclass.
    QueryExecution execution =
        (QueryExecution) query.getClass().getMethod("queryExecution").invoke(query);
    List<String> found = new ArrayList<>();
    add(execution.sparkPlan(), found);
    return found;
  }

  private static void add(SparkPlan plan, List<String> found) {
    add(plan.getClass().getSimpleName(), found);
    scala.collection.Iterator<Expression> expressions = plan.expressions().iterator();
    while (expressions.hasNext()) {
      add(expressions.next(), found);
    }
    scala.collection.Iterator<SparkPlan> children = plan.children().iterator();
    while (children.hasNext()) {
      add(children.next(), found);
    }
  }

  private static void add(Expression expression, List<String> found) {
    if (expression instanceof ScalaUDF function) {
      found.add("ScalaUDF " + function.name());
    }
    add(expression.getClass().getSimpleName(), found);
    scala.collection.Iterator<Expression> children = expression.children().iterator();
    while (children.hasNext()) {
      add(children.next(), found);
    }
  }

  private static void add(String name, List<String> found) {
    if (ROW_BY_ROW.contains(name)) {
      found.add(name);
    }
  }
}
