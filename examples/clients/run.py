#!/usr/bin/env python3
"""Runs a workflow on a Settee (or Comfy Cloud) and saves its pictures.

    BASE_URL=http://127.0.0.1:8188 COMFY_CLOUD_API_KEY=comfyui-… run.py workflow.json [folder]

Standard library only: submits, polls, downloads.
"""
import json
import os
import sys
import time
import urllib.parse
import urllib.request

BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:8188")
KEY = os.environ.get("COMFY_CLOUD_API_KEY", "")


class DropKeyOnRedirect(urllib.request.HTTPRedirectHandler):
    """A signed link needs no key: do not show it ours."""

    def redirect_request(self, *args):
        request = super().redirect_request(*args)
        if request is not None:
            request.remove_header("X-api-key")
        return request


opener = urllib.request.build_opener(DropKeyOnRedirect)


def call(method, path, body=None):
    request = urllib.request.Request(BASE_URL + path, method=method)
    request.add_header("X-API-Key", KEY)
    if body is not None:
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps(body).encode()
    with opener.open(request) as response:
        return response.read()


def main():
    with open(sys.argv[1]) as f:
        workflow = json.load(f)
    folder = sys.argv[2] if len(sys.argv) > 2 else "."
    os.makedirs(folder, exist_ok=True)

    job = json.loads(call("POST", "/api/prompt", {"prompt": workflow}))["prompt_id"]
    print("submitted", job)

    status = "pending"
    while status in ("pending", "in_progress"):
        time.sleep(0.1)
        status = json.loads(call("GET", f"/api/job/{job}/status"))["status"]
    print(status)
    if status != "completed":
        sys.exit(1)

    outputs = json.loads(call("GET", f"/api/jobs/{job}"))["outputs"]
    for output in outputs.values():
        for file in output.get("images", []):
            query = urllib.parse.urlencode({k: file[k] for k in ("filename", "subfolder", "type")})
            path = os.path.join(folder, os.path.basename(file["filename"]))
            with open(path, "wb") as f:
                f.write(call("GET", "/api/view?" + query))
            print("saved", path)


if __name__ == "__main__":
    main()
