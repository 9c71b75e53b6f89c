#!/usr/bin/env bash
# Makes the jar of the DJL Spark extension for DjlExtensionTest, and prints its path. Run the test with
#   mvn test -Dtest=DjlExtensionTest -Ddjl.spark.jar=JAR -Dspark.home=SPARK_HOME
# Maven repositories need not have the jar: then it is compiled from its sources, which come from the folder that is
# given or from GitHub. Exit code 3: there are no sources either.
# Usage: .ci/djl-spark.sh [SOURCES]
#   SOURCES  extensions/spark of a checkout of https://github.com/deepjavalibrary/djl at v0.36.0;
#            default: the environment variable DJL_SPARK_SOURCES
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
version=0.36.0 scala=2.12.18
work="$root/target/djl-spark"
jar="$work/spark_2.12-$version.jar"
sources="${1:-${DJL_SPARK_SOURCES:-}}"
cd "$root"
mkdir -p "$work"
if [[ -s "$jar" ]]; then
  echo "$jar"
  exit
fi
if [[ -z "$sources" ]] &&
  mvn -B -q dependency:copy "-Dartifact=ai.djl.spark:spark_2.12:$version" "-DoutputDirectory=$work" >"$work/maven.log" 2>&1; then
  echo "$jar"
  exit
fi
if [[ -z "$sources" ]]; then
  sources="$work/djl/extensions/spark"
  rm -rf "$work/djl"
  if ! { GIT_TERMINAL_PROMPT=0 git -c http.lowSpeedLimit=1000 -c http.lowSpeedTime=30 clone --quiet --depth 1 --filter=blob:none --sparse \
    --branch "v$version" https://github.com/deepjavalibrary/djl "$work/djl" &&
    git -C "$work/djl" sparse-checkout set extensions/spark; } >"$work/git.log" 2>&1; then
    echo "djl-spark.sh: neither Maven nor GitHub has the DJL Spark extension $version; give the folder of its sources" >&2
    exit 3
  fi
fi

# The Scala compiler with all that it needs.
tools="$work/tools"
mkdir -p "$tools" "$work/classes"
cat >"$tools/pom.xml" <<POM
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>tools</groupId>
  <artifactId>scalac</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.scala-lang</groupId>
      <artifactId>scala-compiler</artifactId>
      <version>$scala</version>
    </dependency>
  </dependencies>
</project>
POM
mvn -B -q -f "$tools/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$tools/jars" >&2
mvn -B -q dependency:build-classpath "-Dmdep.outputFile=$tools/classpath" >&2
# Its audio tasks need a further DJL extension.
find "$sources/src/main/scala" -name '*.scala' -not -path '*/audio/*' >"$tools/sources"
java -cp "$tools/jars/*" scala.tools.nsc.Main -release 17 -cp "$(<"$tools/classpath")" -d "$work/classes" "@$tools/sources" >&2
jar --create --file "$jar.part" -C "$work/classes" .
mv "$jar.part" "$jar"
echo "$jar"
