/**
 * The receiver of the documents' webhooks. At `/hooks/` it behaves as the README describes: it verifies the signature,
 * fails once, accepts, sends a heartbeat and reports. At `/services/` it answers as Slack. Every other request it accepts.
 */

import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";
import { type NodeServer, serve } from "../../support/node-server.ts";

interface Inputs {
  readonly callback_url: string;
  readonly callback_token: string;
}

export interface Receiver extends NodeServer {
  /** The requested paths, one for each attempt. */
  readonly asked: readonly string[];
}

export async function startReceiver(signingSecret: string): Promise<Receiver> {
  const asked: string[] = [];
  const stumbled = new Set<string>();

  /** The status and body of the response, and the work to do after it. */
  async function take(request: IncomingMessage): Promise<[number, string, Inputs?]> {
    const body = await text(request);
    asked.push(request.url ?? "");
    if (request.url?.startsWith("/services/")) return [200, "ok"];
    if (!request.url?.startsWith("/hooks/1.4.2")) return [202, "queued"];
    const headers = request.headers as Record<string, string>;
    if (headers.authorization !== "Bearer YOUR_TOKEN") return [401, "not allowed"];
    new Webhook(signingSecret).verify(body, headers);
    const id = String(headers["webhook-id"]);
    if (!stumbled.has(id)) {
      stumbled.add(id);
      return [503, "still starting"];
    }
    return [202, "queued", (JSON.parse(body) as { inputs: Inputs }).inputs];
  }

  const server = await serve(async (request, response) => {
    const [status, body, inputs] = await take(request).catch(() => [400, "not verified"] as const);
    response.writeHead(status, { "Content-Type": "text/plain" }).end(body);
    if (inputs !== undefined) await work(inputs);
  });
  return { ...server, asked };
}

async function work({ callback_url: url, callback_token: token }: Inputs): Promise<void> {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const post = (to: string, body: unknown) =>
    fetch(to, { method: "POST", headers, body: JSON.stringify(body) }).catch(() => undefined);
  await post(url.replace(/callback$/, "heartbeat"), { progress: 0.5 });
  await post(url, { status: "succeeded" });
}
