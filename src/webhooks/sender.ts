/** Makes the attempts that coordinators ask for, each in a Worker invocation of its own. */

import { connect } from "cloudflare:sockets";
import { WorkerEntrypoint } from "cloudflare:workers";
import { Timeout, within } from "../base/time.ts";
import type { Env } from "../settings/env.ts";
import { type AttemptResult, CONNECT_MAX_MS } from "./dispatch.ts";
import { sendAttempt } from "./send.ts";
import type { Attempt } from "./webhook-request.ts";

export class WebhookSender extends WorkerEntrypoint<Env> {
  /** Never throws because of what a receiver does. */
  send(attempt: Attempt): Promise<AttemptResult> {
    return sendAttempt(this.env, attempt, canConnect);
  }
}

/** False only if certainly no job has begun. `fetch` fails with the same words if the connection broke off later. */
async function canConnect({ hostname, port, protocol }: URL): Promise<boolean> {
  const socket = connect({ hostname, port: Number(port) || (protocol === "https:" ? 443 : 80) });
  socket.closed.catch(() => {});
  try {
    await within(CONNECT_MAX_MS, socket.opened);
    return true;
  } catch (error) {
    return error instanceof Timeout;
  } finally {
    await socket.close().catch(() => {});
  }
}
