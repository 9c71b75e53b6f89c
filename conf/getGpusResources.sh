#!/usr/bin/env bash
# GPU discovery for Spark: prints the addresses of this host's GPUs as Spark's ResourceInformation,
# such as {"name":"gpu","addresses":["0","1"]}. Set it as spark.worker.resource.gpu.discoveryScript
# or spark.executor.resource.gpu.discoveryScript.
#
# If CUDA_VISIBLE_DEVICES is set, the addresses are its entries in its order: the host's own numbers or
# names. The job looks an address up in the list of its own process, because CUDA renumbers the devices
# there. Without an NVIDIA driver there is no address.
set -euo pipefail

addresses=""
add() {
  addresses="$addresses${addresses:+,}\"$1\""
}

if command -v nvidia-smi >/dev/null && listed="$(nvidia-smi --query-gpu=index --format=csv,noheader 2>/dev/null)"; then
  present="$(printf '%s\n' "$listed" | grep -c '^[0-9][0-9]*[[:space:]]*$' || true)"
  if [[ -z "${CUDA_VISIBLE_DEVICES+set}" ]]; then
    for ((i = 0; i < present; i++)); do
      add "$i"
    done
  elif ((present > 0)); then
    # CUDA stops at the first entry that names no device. Names (GPU-..., MIG-...) are used as they are.
    IFS=, read -r -a wanted <<<"$CUDA_VISIBLE_DEVICES" || true
    for device in ${wanted[@]+"${wanted[@]}"}; do
      device="${device//[[:space:]]/}"
      if [[ ! "$device" =~ ^(GPU|MIG)-[0-9A-Za-z/-]+$ ]]; then
        if [[ ! "$device" =~ ^[0-9]+$ ]] || ((10#$device >= present)); then break; fi
        device="$((10#$device))"
      fi
      add "$device"
    done
  fi
fi

printf '{"name":"gpu","addresses":[%s]}\n' "$addresses"
