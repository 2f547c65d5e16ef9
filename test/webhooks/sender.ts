/** Sends attempts as a test says. It takes the place of the entrypoint that makes requests, at the platform's edge. */

import { runInDurableObject } from "cloudflare:test";
import type { AttemptResult } from "../../src/webhooks/dispatch.ts";
import type { Attempt } from "../../src/webhooks/webhook-request.ts";

import { coordinator } from "../support/direct.ts";
import { newRunsPath } from "../support/requests.ts";

/** For `beforeEach`: objects that wake during the test send with `send`. Returns what puts the real entrypoint back. */
export async function sendWith(send: (attempt: Attempt) => Promise<AttemptResult>): Promise<() => void> {
  // All objects of an isolate share these exports, and each reads them when it is constructed.
  return runInDurableObject(coordinator(newRunsPath()), (_, state) => {
    const { exports } = state as unknown as { exports: object };
    const real = Object.getOwnPropertyDescriptor(exports, "WebhookSender");
    Object.defineProperty(exports, "WebhookSender", { value: { send }, configurable: true });
    return () => {
      if (real === undefined) Reflect.deleteProperty(exports, "WebhookSender");
      else Object.defineProperty(exports, "WebhookSender", real);
    };
  });
}
