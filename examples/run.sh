#!/usr/bin/env bash
# Runs every example workflow and every example client against a real server,
# and checks what they leave behind. Part of `make check`.
set -euo pipefail
cd "$(dirname "$0")/.."
settee=bin/settee
work=$(mktemp -d)
export COMFY_CLOUD_API_KEY=comfyui-examples
server=
finish() {
  [ -z "$server" ] || { kill "$server" && wait "$server" || true; }
  rm -rf "$work"
}
trap finish EXIT

picture() { # the file is there, and is a PNG
  [ "$(head -c 4 "$1" | od -An -tx1 | tr -d ' ')" = 89504e47 ] || { echo "$1 is no PNG" >&2; exit 1; }
}

for workflow in examples/*.json; do
  "$settee" run "$workflow" --output-dir "$work/embedded"
done
for file in "$work"/embedded/*; do picture "$file"; done

SETTEE_BOOTSTRAP_KEY=$COMFY_CLOUD_API_KEY "$settee" serve --listen 127.0.0.1:0 --data "$work/data" >"$work/log" 2>&1 &
server=$!
for _ in $(seq 200); do
  BASE_URL=$(sed -n 's/.*\(http:\/\/127\.0\.0\.1:[0-9]*\).*/\1/p' "$work/log" | head -n 1)
  [ -n "$BASE_URL" ] && break
  sleep 0.05
done
export BASE_URL

examples/clients/run.sh examples/postcard.json postcard_00001_.png "$work/curl"
picture "$work/curl/postcard_00001_.png"
"${PYTHON:-python3}" examples/clients/run.py examples/postcard.json "$work/python"
picture "$work/python/postcard_00001_.png"

if deno=$(command -v deno) || { [ -f test/overview/node_modules/deno/bin.cjs ] && deno="node test/overview/node_modules/deno/bin.cjs"; }; then
  $deno run -A --quiet examples/clients/run.ts examples/postcard.json "$work/typescript"
  picture "$work/typescript/postcard_00001_.png"
elif [ -n "${SETTEE_TEST_REQUIRE:-}" ]; then
  echo "no TypeScript runtime: run npm ci in test/overview" >&2
  exit 1
else
  echo "SKIPPED: the TypeScript client (no deno; npm ci in test/overview brings it)" >&2
fi
echo "examples: all ran"
