# Functions of the launchers in this folder; sourced, not run.
# GLM_ROOT: the project's folder. GLM_NAME: the launcher's name in messages.

GLM_LAUNCH_FAILURE=70 # the launcher's own exit code; all others are the job's

glm_fail() {
  printf '%s: %s\n' "$GLM_NAME" "$1" >&2
  shift
  for line in "$@"; do printf '  %s\n' "$line" >&2; done
  exit "$GLM_LAUNCH_FAILURE"
}

# Sets a UTF-8 locale where there is none (containers, cron, systemd). Java would read arguments and
# file names as ASCII. A locale with another charset is the user's choice and stays.
glm_set_locale() {
  [[ "$(uname -s)" != Darwin ]] || return 0 # always UTF-8
  local charset candidate
  charset="$(glm_charset)"
  case "$charset" in
    "" | ANSI_X3.4-1968 | US-ASCII | ASCII | 646) ;;
    *) return 0 ;;
  esac
  for candidate in C.UTF-8 en_US.UTF-8 "$(locale -a 2>/dev/null | grep -i -m 1 'utf-\?8$' || true)"; do
    [[ -n "$candidate" ]] || continue
    charset="$(LC_ALL="$candidate" glm_charset 2>/dev/null)"
    if [[ "$charset" == UTF-8 ]]; then
      export LC_ALL="$candidate"
      return 0
    fi
  done
  export LC_ALL=C.UTF-8 # The job says so if it does not help.
}

# The charset of the present locale, or nothing.
glm_charset() {
  if command -v locale >/dev/null; then
    locale charmap 2>/dev/null || true
  else
    local name="${LC_ALL:-${LC_CTYPE:-${LANG:-}}}"
    case "$name" in
      *.[Uu][Tt][Ff]-8* | *.[Uu][Tt][Ff]8*) printf 'UTF-8' ;;
      *.*) printf '%s' "${name#*.}" ;;
    esac
  fi
}

# Sets GLM_JAVA to a java that Spark supports.
glm_find_java() {
  if [[ -n "${JAVA_HOME:-}" ]]; then
    GLM_JAVA="$JAVA_HOME/bin/java"
    [[ -x "$GLM_JAVA" ]] || glm_fail "JAVA_HOME is $JAVA_HOME, but it has no bin/java" \
      "Point JAVA_HOME to a JDK 17, or unset it to take java from the PATH."
  else
    GLM_JAVA="$(command -v java || true)"
    [[ -n "$GLM_JAVA" ]] || glm_fail "Cannot find java" \
      "Install a JDK 17 (Debian and Ubuntu: openjdk-17-jdk-headless; macOS: brew install openjdk@17) or set JAVA_HOME."
  fi
  local version major
  version="$("$GLM_JAVA" -version 2>&1 | sed -n 's/.*version "\([^"]*\)".*/\1/p' | head -n 1)" || true
  major="${version%%[.-]*}"
  [[ "$major" =~ ^[0-9]+$ ]] || glm_fail "Cannot read the version of $GLM_JAVA" \
    "Its output should have a line such as: openjdk version \"17.0.15\"."
  if ((major < 17 || major > 22)); then
    glm_fail "$GLM_JAVA is Java $version, which Spark and this job do not support" \
      "Use a JDK 17 (18 to 22 work too): set JAVA_HOME to its folder."
  fi
}

# The newest job jar of this clone, or nothing.
glm_newest_jar() {
  local newest="" jar
  for jar in "$GLM_ROOT"/target/glm-image-spark-*-job.jar; do
    [[ -f "$jar" ]] || continue
    if [[ -z "$newest" || "$jar" -nt "$newest" ]]; then newest="$jar"; fi
  done
  printf '%s' "$newest"
}

# Prints why the job must be built, or nothing. Starts no Maven if everything is up to date.
glm_build_reason() {
  local jar changed first
  jar="$(glm_newest_jar)"
  if [[ -z "$jar" ]]; then
    printf 'it was not built yet'
    return
  fi
  for first in "${jar%-job.jar}.jar" "$GLM_ROOT/target/embedded.classpath" "$GLM_ROOT/target/embedded.options"; do
    if [[ ! -s "$first" ]]; then
      printf '%s is missing' "${first##*/}"
      return
    fi
  done
  changed="$(find "$GLM_ROOT/pom.xml" "$GLM_ROOT/src/main" -newer "$jar" ! -type d -print 2>/dev/null | head -n 1)"
  if [[ -n "$changed" ]]; then
    printf '%s changed' "${changed#"$GLM_ROOT"/}"
    return
  fi
  IFS=: read -r first _ <"$GLM_ROOT/target/embedded.classpath" || true
  if [[ ! -f "$first" ]]; then
    printf 'the local Maven repository lacks %s' "${first##*/}"
    return
  fi
  if [[ -n "${GLM_IMAGE_MAVEN_ARGS:-}" && "$(cat "$GLM_ROOT/target/launcher.maven-args" 2>/dev/null)" != "$GLM_IMAGE_MAVEN_ARGS" ]]; then
    printf 'GLM_IMAGE_MAVEN_ARGS is %s' "$GLM_IMAGE_MAVEN_ARGS"
  fi
}

# Builds if needed; sets GLM_JOB_JAR (for spark-submit) and GLM_PLAIN_JAR (for plain java).
glm_build() {
  if [[ -n "${GLM_IMAGE_JAR:-}" ]]; then
    [[ -f "$GLM_IMAGE_JAR" ]] || glm_fail "GLM_IMAGE_JAR is $GLM_IMAGE_JAR, which is not a file"
    GLM_JOB_JAR="$GLM_IMAGE_JAR"
    GLM_PLAIN_JAR=""
    return
  fi
  local reason java_home
  reason="$(glm_build_reason)"
  if [[ -n "$reason" ]]; then
    java_home="$(dirname "$GLM_JAVA")"
    if [[ ! -x "$java_home/javac" ]] && ! command -v javac >/dev/null; then
      glm_fail "Cannot build the job ($reason): $GLM_JAVA is a runtime without the compiler javac" \
        "Install a JDK 17, not only a JRE (Debian and Ubuntu: openjdk-17-jdk-headless)."
    fi
    command -v mvn >/dev/null || glm_fail "Cannot build the job ($reason): Maven is not on the PATH" \
      "Install Maven 3.8 or later (Debian and Ubuntu: maven; macOS: brew install maven)," \
      "or set GLM_IMAGE_JAR to a job jar built elsewhere."
    printf '%s: building the job (%s); the first build downloads its libraries\n' "$GLM_NAME" "$reason" >&2
    # shellcheck disable=SC2086 # several arguments in one variable, on purpose
    (cd "$GLM_ROOT" && mvn -B -q -Dmaven.test.skip=true -Dspotless.check.skip=true ${GLM_IMAGE_MAVEN_ARGS:-} package) >&2 ||
      glm_fail "The build failed; Maven's messages are above" "To see all of them: cd '$GLM_ROOT' && mvn -DskipTests package"
    printf '%s' "${GLM_IMAGE_MAVEN_ARGS:-}" >"$GLM_ROOT/target/launcher.maven-args"
  fi
  GLM_JOB_JAR="$(glm_newest_jar)"
  [[ -n "$GLM_JOB_JAR" ]] || glm_fail "The build left no target/glm-image-spark-*-job.jar in $GLM_ROOT"
  GLM_PLAIN_JAR="${GLM_JOB_JAR%-job.jar}.jar"
}

# Sets GLM_SUBMIT to a spark-submit, or to nothing for the embedded mode.
glm_find_spark() {
  GLM_SUBMIT=""
  case "${GLM_IMAGE_EMBEDDED:-0}" in
    1 | true | yes) return ;;
    0 | false | no | "") ;;
    *) glm_fail "Invalid GLM_IMAGE_EMBEDDED: $GLM_IMAGE_EMBEDDED, expected 1 or 0" ;;
  esac
  if [[ -n "${SPARK_HOME:-}" ]]; then
    GLM_SUBMIT="$SPARK_HOME/bin/spark-submit"
    [[ -x "$GLM_SUBMIT" ]] || glm_fail "SPARK_HOME is $SPARK_HOME, but it has no bin/spark-submit" \
      "Correct or unset SPARK_HOME, or add --embedded to run without a Spark installation."
  else
    GLM_SUBMIT="$(command -v spark-submit || true)"
  fi
}

# A Spark for another Scala version would fail later, with an unhelpful NoSuchMethodError.
glm_check_spark_version() {
  local home="${SPARK_HOME:-}" core theirs ours
  [[ -n "$home" && -s "$GLM_ROOT/target/embedded.classpath" && -z "${GLM_IMAGE_JAR:-}" ]] || return 0
  for core in "$home"/jars/spark-core_*.jar; do
    [[ -f "$core" ]] || return 0
    theirs="$(basename "$core" .jar)"
    theirs="${theirs#spark-core_}"
    ours="$(tr ':' '\n' <"$GLM_ROOT/target/embedded.classpath" | sed -n 's/.*\/spark-core_\([^/]*\)\.jar$/\1/p')"
    if [[ -n "$ours" && "${theirs%%-*}" != "${ours%%-*}" ]]; then
      glm_fail "The Spark in $home is ${theirs#*-} (Scala ${theirs%%-*}), but this job is built for ${ours#*-} (Scala ${ours%%-*})" \
        "For Spark 4 set GLM_IMAGE_MAVEN_ARGS=-Pspark-4; for Spark 3.5 unset it and run: mvn clean;" \
        "or add --embedded to run without that installation."
    fi
  done
}

# Runs a class of the job inside one Java process.
glm_embedded() {
  local main="$1"
  shift
  [[ -n "$GLM_PLAIN_JAR" ]] || glm_fail "The embedded mode needs a built clone; GLM_IMAGE_JAR works with spark-submit only" \
    "Unset GLM_IMAGE_JAR, or set SPARK_HOME."
  [[ "${GLM_IMAGE_CORES:-*}" =~ ^([1-9][0-9]*|\*)$ ]] ||
    glm_fail "Invalid GLM_IMAGE_CORES: $GLM_IMAGE_CORES, expected a number of threads"
  [[ "${GLM_IMAGE_DRIVER_MEMORY:-2g}" =~ ^[1-9][0-9]*[kKmMgGtT]?$ ]] ||
    glm_fail "Invalid GLM_IMAGE_DRIVER_MEMORY: $GLM_IMAGE_DRIVER_MEMORY, expected a size such as 4g"
  local options=("-Xmx${GLM_IMAGE_DRIVER_MEMORY:-2g}"
    -Djava.awt.headless=true
    -Dfile.encoding=UTF-8
    # Without these settings DJL's tokenizers look for CUDA and download another build of
    # themselves, and DJL sends usage reports.
    -DRUST_FLAVOR=cpu
    -DOPT_OUT_TRACKING=true
    "-Dlog4j2.configurationFile=$GLM_ROOT/conf/log4j2.properties"
    "-Dglmimage.cores=${GLM_IMAGE_CORES:-*}")
  # shellcheck disable=SC2086 # several options in one variable, on purpose
  ${GLM_EXEC:+exec} "$GLM_JAVA" "@$GLM_ROOT/target/embedded.options" "${options[@]}" ${GLM_IMAGE_JAVA_OPTS:-} \
    -cp "$GLM_PLAIN_JAR:$(cat "$GLM_ROOT/target/embedded.classpath")${GLM_IMAGE_CLASS_PATH:+:$GLM_IMAGE_CLASS_PATH}" "$main" "$@"
}

glm_submit() {
  local main="$1" natives="" jar
  shift
  glm_check_spark_version
  # The gpu profile leaves libtorch with CUDA out of the job jar.
  if [[ -z "${GLM_IMAGE_JAR:-}" ]] && grep -q -- '-gpu\.jar' "$GLM_ROOT/target/embedded.classpath"; then
    for jar in "$GLM_ROOT"/target/natives/*-gpu.jar; do
      [[ ! -f "$jar" ]] || natives="$natives${natives:+,}$jar"
    done
  fi
  local arguments=(--class "$main")
  if [[ -n "$natives" ]]; then arguments+=(--jars "$natives"); fi
  if [[ -n "${GLM_IMAGE_DRIVER_MEMORY:-}" ]]; then arguments+=(--driver-memory "$GLM_IMAGE_DRIVER_MEMORY"); fi
  # For DJL in the driver, as in embedded mode; executors have a separate environment.
  export RUST_FLAVOR=cpu OPT_OUT_TRACKING=true
  # A cluster's own logging settings have precedence.
  if [[ ! -f "${SPARK_CONF_DIR:-${SPARK_HOME:-/nonexistent}/conf}/log4j2.properties" ]]; then
    export SPARK_SUBMIT_OPTS="\"-Dlog4j2.configurationFile=$GLM_ROOT/conf/log4j2.properties\" ${SPARK_SUBMIT_OPTS:-}"
  fi
  # shellcheck disable=SC2086 # several arguments in one variable, on purpose
  ${GLM_EXEC:+exec} "$GLM_SUBMIT" "${arguments[@]}" ${SPARK_SUBMIT_ARGS:-} "$GLM_JOB_JAR" "$@"
}

# Finds what is needed, builds, and runs io.glmimage.job.EditImagesJob with the arguments given.
# With GLM_EXEC=1 the job takes the place of this process, so that signals reach it.
glm_run_job() {
  glm_set_locale
  glm_find_java
  glm_find_spark
  glm_build
  if [[ -n "$GLM_SUBMIT" ]]; then
    glm_submit io.glmimage.job.EditImagesJob "$@"
  else
    glm_embedded io.glmimage.job.EditImagesJob "$@"
  fi
}
