// Runs a workflow on a Settee (or Comfy Cloud), shows its progress from the
// WebSocket and saves its pictures.
//
//   BASE_URL=http://127.0.0.1:8188 COMFY_CLOUD_API_KEY=comfyui-… deno run -A run.ts workflow.json [folder]
//
// Node 22.18 and later runs it too: node run.ts workflow.json
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import process from "node:process";

type File = { filename: string; subfolder: string; type: string };
type Frame = { type: string; data: Record<string, any> };

const base = process.env.BASE_URL ?? "http://127.0.0.1:8188";
const key = process.env.COMFY_CLOUD_API_KEY ?? "";
const headers = { "X-API-Key": key };

async function call(path: string, init: RequestInit = {}): Promise<any> {
  const response = await fetch(base + path, { ...init, headers });
  if (!response.ok) throw new Error(`${path}: HTTP ${response.status} ${await response.text()}`);
  return response.json();
}

// finished resolves with the outputs by node once the job has ended well.
function finished(socket: WebSocket, job: string): Promise<Record<string, { images?: File[] }>> {
  const outputs: Record<string, { images?: File[] }> = {};
  return new Promise((resolve, reject) => {
    socket.onerror = () => reject(new Error("the socket broke"));
    socket.onmessage = (message) => {
      if (typeof message.data !== "string") return; // a preview
      const { type, data }: Frame = JSON.parse(message.data);
      if (data.prompt_id !== job) return;
      if (type === "executing" && data.node) console.log("node", data.node);
      if (type === "progress") console.log(`  ${data.value}/${data.max}`);
      if (type === "executed" && data.output) outputs[data.node] = data.output;
      if (type === "execution_success") resolve(outputs);
      if (type === "execution_error") reject(new Error(data.exception_message));
      if (type === "execution_interrupted") reject(new Error("cancelled"));
    };
  });
}

async function download(file: File): Promise<Uint8Array> {
  const query = new URLSearchParams({ filename: file.filename, subfolder: file.subfolder, type: file.type });
  const redirect = await fetch(`${base}/api/view?${query}`, { headers, redirect: "manual" });
  const response = redirect.status === 302 ? await fetch(redirect.headers.get("location")!) : redirect;
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

const [workflow, folder = "."] = process.argv.slice(2);
await mkdir(folder, { recursive: true });
const graph = JSON.parse(await readFile(workflow, "utf8"));
const { prompt_id } = await call("/api/prompt", { method: "POST", body: JSON.stringify({ prompt: graph }) });
console.log("submitted", prompt_id);

const socket = new WebSocket(`${base.replace("http", "ws")}/ws?clientId=${crypto.randomUUID()}&token=${key}`);
const outputs = await finished(socket, prompt_id);
socket.close();
for (const output of Object.values(outputs)) {
  for (const file of output.images ?? []) {
    const path = join(folder, basename(file.filename));
    await writeFile(path, await download(file));
    console.log("saved", path);
  }
}
