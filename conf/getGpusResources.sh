#!/usr/bin/env bash
# GPU discovery for Spark: prints the addresses of this host's GPUs as Spark's ResourceInformation,
# such as {"name":"gpu","addresses":["0","1"]}. Set it as spark.worker.resource.gpu.discoveryScript
# or spark.executor.resource.gpu.discoveryScript.
#
# CUDA_VISIBLE_DEVICES is honoured. Inside a process it renumbers the devices from 0 on, so the
# addresses are the positions in that list, not the host's own numbers. No NVIDIA driver: no address.
set -euo pipefail

count=0
if command -v nvidia-smi >/dev/null && listed="$(nvidia-smi --query-gpu=index --format=csv,noheader 2>/dev/null)"; then
  present="$(printf '%s\n' "$listed" | grep -c '^[0-9][0-9]*[[:space:]]*$' || true)"
  if [[ -z "${CUDA_VISIBLE_DEVICES+set}" ]]; then
    count="$present"
  elif ((present > 0)); then
    # CUDA stops at the first entry that names no device; names (GPU-..., MIG-...) are taken as they are.
    IFS=, read -r -a wanted <<<"$CUDA_VISIBLE_DEVICES" || true
    for device in ${wanted[@]+"${wanted[@]}"}; do
      device="${device//[[:space:]]/}"
      case "$device" in
        GPU-* | MIG-*) ;;
        *) if [[ ! "$device" =~ ^[0-9]+$ ]] || ((10#$device >= present)); then break; fi ;;
      esac
      count=$((count + 1))
    done
  fi
fi

addresses=""
for ((i = 0; i < count; i++)); do
  addresses="$addresses${addresses:+,}\"$i\""
done
printf '{"name":"gpu","addresses":[%s]}\n' "$addresses"
