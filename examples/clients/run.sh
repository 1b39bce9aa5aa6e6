#!/usr/bin/env bash
# Runs a workflow on a Settee (or Comfy Cloud) with curl and saves one of its
# pictures.
#
#   BASE_URL=http://127.0.0.1:8188 COMFY_CLOUD_API_KEY=comfyui-… run.sh workflow.json FILENAME [folder]
set -euo pipefail
base=${BASE_URL:-http://127.0.0.1:8188}
key="X-API-Key: ${COMFY_CLOUD_API_KEY:-}"
folder=${3:-.}
mkdir -p "$folder"

field() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }

job=$(printf '{"prompt": %s}' "$(cat "$1")" |
  curl -fsS "$base/api/prompt" -H "$key" -H "Content-Type: application/json" -d @- | field prompt_id)
echo "submitted $job"

status=pending
while [ "$status" = pending ] || [ "$status" = in_progress ]; do
  sleep 0.1
  status=$(curl -fsS "$base/api/job/$job/status" -H "$key" | field status)
done
echo "$status"
[ "$status" = completed ]

curl -fsSL "$base/api/view?filename=$2&subfolder=&type=output" -H "$key" -o "$folder/$2"
echo "saved $folder/$2"
