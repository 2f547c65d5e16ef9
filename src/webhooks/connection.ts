/**
 * Whether a receiver accepts connections at all. `fetch` fails with the same words whether the connection was refused or
 * broke off later, and only after a refusal is it certain that no job has begun.
 */

import { connect } from "cloudflare:sockets";
import { Timeout, within } from "../base/time.ts";
import { CONNECT_MAX_MS } from "./delivery.ts";

/** Makes a connection and closes it. Sends nothing. False only if the connection was refused, or the name not found. */
export async function canConnect({ hostname, port, protocol }: URL): Promise<boolean> {
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
