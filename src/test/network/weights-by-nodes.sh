#!/usr/bin/env bash
# Time until the last node has the weights, by number of nodes, for a source and links of limited rate.
#
# Usage, as root on Linux, in a built working tree: weights-by-nodes.sh [NODES...]     (default: 1 2 4 8)
# Every node is an executor in a network namespace of its own. The driver and the S3 server have one each as well.
#
# Environment: SPARK_HOME (a Spark distribution), CP (the test class path), CLASSES (target/classes:target/test-classes),
# SCRATCH (a folder for the model and the caches), GB (0.128), LINK and SOURCE (MB/s: 20 and 40), WAYS (broadcast,direct,local).
set -euo pipefail
: "${SPARK_HOME:?a Spark distribution}" "${CP:?the test class path}"
: "${CLASSES:=$PWD/target/classes:$PWD/target/test-classes}" "${SCRATCH:=$PWD/target/nodes}" "${GB:=0.128}" "${LINK:=20}" "${SOURCE:=40}" "${WAYS:=broadcast,direct,local}"
nodes=("$@"); [[ ${#nodes[@]} -gt 0 ]] || nodes=(1 2 4 8)
most=$(printf '%s\n' "${nodes[@]}" | sort -n | tail -1)
java=$(readlink -f "$(command -v java)")
opens=$(for p in lang lang.invoke lang.reflect io net nio util util.concurrent util.concurrent.atomic; do printf ' --add-opens=java.base/java.%s=ALL-UNNAMED' $p; done
  for p in nio.ch nio.cs security.action util.calendar; do printf ' --add-opens=java.base/sun.%s=ALL-UNNAMED' $p; done)

remove() {
  [[ -z ${store:-} ]] || kill "$store" 2>/dev/null || true
  for name in store driver $(seq -f node%g 0 $((most - 1))); do
    ip link del "w-$name" 2>/dev/null || true
    ip netns del "weights-$name" 2>/dev/null || true
  done
  ip link del weights0 2>/dev/null || true
}
trap remove EXIT
remove

# 1. A switch, and a namespace with a link of limited rate, both ways, for each process.
ip link add weights0 type bridge
ip link set weights0 up
join() { # NAME, ADDRESS, MB/s
  local burst=$(($3 * 1000000 / 100 + 100000))
  ip netns add "weights-$1"
  ip link add "w-$1" type veth peer name eth0 netns "weights-$1"
  ip link set "w-$1" master weights0 up
  ip -n "weights-$1" link set lo up
  ip -n "weights-$1" addr add "10.77.0.$2/24" dev eth0
  ip -n "weights-$1" link set eth0 up
  tc qdisc add dev "w-$1" root tbf rate "$(($3 * 8))mbit" burst "$burst" latency 100ms
  tc -n "weights-$1" qdisc add dev eth0 root tbf rate "$(($3 * 8))mbit" burst "$burst" latency 100ms
}
join store 1 "$SOURCE"
join driver 2 "$LINK"
for i in $(seq 0 $((most - 1))); do join "node$i" $((10 + i)) "$LINK"; done

# 2. The model, in a bucket and as the copy of every node.
mkdir -p "$SCRATCH/bucket" "$SCRATCH/home" "$SCRATCH/java/bin"
"$java" -cp "$CLASSES:$CP" io.glmimage.bench.WeightsBroadcastBenchmark "$SCRATCH/bucket/model" "$GB"
ip netns exec weights-store "$java" -Xmx256m -cp "$CLASSES:$CP" io.glmimage.s3.FolderS3 "$SCRATCH/bucket" 10.77.0.1 9000 > "$SCRATCH/store.log" 2>&1 &
store=$!

# 3. Spark starts its executors with this "java", which moves each into its namespace.
cat > "$SCRATCH/java/bin/java" <<END
#!/usr/bin/env bash
args=("\$@") name=
for i in "\${!args[@]}"; do
  case \${args[i]} in
    --executor-id) name=node\${args[i + 1]} ;;
    --hostname) host=\$((i + 1)) ;;
  esac
done
[[ -n \$name ]] || exec "$java" "\$@"
args[host]=10.77.0.\$((10 + \${name#node}))
export SPARK_LOCAL_IP=\${args[host]}
exec ip netns exec "weights-\$name" "$java" "\${args[@]}"
END
chmod +x "$SCRATCH/java/bin/java"
rm -rf "$SCRATCH/home/work"
ln -sfn "$SPARK_HOME"/* "$SCRATCH/home/"
# Executors work in SCRATCH, not in the distribution.
rm -rf "$SCRATCH/home/work"

# 4. One run for each number of nodes.
echo "links of $LINK MB/s, source of $SOURCE MB/s, $GB GB"
for n in "${nodes[@]}"; do
  SPARK_HOME=$SCRATCH/home SPARK_SCALA_VERSION=2.12 SPARK_LOCAL_IP=10.77.0.2 JAVA_HOME=$SCRATCH/java \
    ip netns exec weights-driver "$java" -Xmx1g -XX:TieredStopAtLevel=1 $opens -cp "$CLASSES:$CP" -Dexecutors="$n" \
    -Dspark.driver.host=10.77.0.2 -Dspark.driver.bindAddress=10.77.0.2 -Dspark.ui.enabled=false -Dspark.executor.memory=512m \
    -Dspark.executor.extraClassPath="$CLASSES:$CP" -Dspark.executor.extraJavaOptions="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC" \
    -Dspark.hadoop.fs.s3a.endpoint=http://10.77.0.1:9000 -Dspark.hadoop.fs.s3a.path.style.access=true \
    -Dspark.hadoop.fs.s3a.access.key=reader -Dspark.hadoop.fs.s3a.secret.key=secret \
    io.glmimage.bench.WeightsBroadcastBenchmark s3a://bucket/model "$GB" "local-cluster[$n,1,512]" 8 \
    "${WAYS/local/local:$SCRATCH/bucket/model}" 2 2> "$SCRATCH/driver-$n.log" | grep -a --line-buffered BENCH
done
