#!/usr/bin/env bash
# Makes the jar of the DJL Spark extension for DjlExtensionTest, and prints its path. Compiles it where the Maven
# repositories do not have it. Run the test with
#   mvn test -Dtest=DjlExtensionTest -Ddjl.spark.jar=JAR -Dspark.home=SPARK_HOME
# Usage: .ci/djl-spark.sh [SOURCES]
#   SOURCES  extensions/spark of a checkout of https://github.com/deepjavalibrary/djl at v0.36.0
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
version=0.36.0 scala=2.12.18
jar="$root/target/djl-spark/spark_2.12-$version.jar"
cd "$root"
mkdir -p "${jar%/*}/classes"
if [[ -s "$jar" ]]; then
  echo "$jar"
  exit
fi
if [[ $# -eq 0 ]]; then
  if ! mvn -B -q dependency:copy "-Dartifact=ai.djl.spark:spark_2.12:$version" "-DoutputDirectory=${jar%/*}" >&2; then
    echo "djl-spark.sh: Maven cannot get ai.djl.spark:spark_2.12:$version; give the folder of its sources" >&2
    exit 1
  fi
  echo "$jar"
  exit
fi
tools="${jar%/*}/tools"
for artifact in scala-compiler scala-reflect scala-library; do
  mvn -B -q dependency:copy "-Dartifact=org.scala-lang:$artifact:$scala" "-DoutputDirectory=$tools" >&2
done
mvn -B -q dependency:copy "-Dartifact=org.scala-lang.modules:scala-xml_2.12:2.1.0" "-DoutputDirectory=$tools" >&2
mvn -B -q dependency:build-classpath "-Dmdep.outputFile=$tools/classpath" >&2
# Its audio tasks need a further DJL extension.
find "$1/src/main/scala" -name '*.scala' -not -path '*/audio/*' >"$tools/sources"
java -cp "$tools/*" scala.tools.nsc.Main -release 17 -cp "$(<"$tools/classpath")" -d "${jar%/*}/classes" "@$tools/sources"
jar --create --file "$jar" -C "${jar%/*}/classes" .
echo "$jar"
