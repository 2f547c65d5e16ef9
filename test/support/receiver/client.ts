/**
 * The receiver as a test in workerd sees it: what to script, what arrived, who still waits. It also owns the shapes that
 * both sides speak, so Node's types read it as well. server.ts may import only types from here, because server.ts runs
 * without Vitest.
 */

import { inject } from "vitest";

/** How an answer is given, or is not. What each does is said beside it in server.ts. */
export type Mode =
  | "answer"
  | "hang"
  | "hang_body"
  | "reset"
  | "cut"
  | "endless"
  | "enormous"
  | "bomb"
  | "bad_gzip"
  | "not_http"
  | "trickle"
  | "echo"
  | "redirect";

/** One answer. Default: 200 "ok" at once. `status` 200 to 999; headers replace the mode's own of that name. */
export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Waited before anything of the answer is sent, in every mode. */
  readonly delayMs?: number;
  /** Whether the answer waits for a call of `release`. */
  readonly held?: boolean;
  readonly mode?: Mode;
}

/** A request that arrived with its whole body. */
export interface ReceivedRequest {
  readonly method: string;
  /** The target as it was sent, with its query. */
  readonly path: string;
  /** By lower-case name; values of a repeated header are joined with a comma, or the first is taken. */
  readonly headers: Readonly<Record<string, string>>;
  /** Name, value, name, value, … as they were sent. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
  /** When the body had been read, ms since the epoch by the receiver's clock. */
  readonly at: number;
}

export interface Open {
  /** Requests whose client is still connected and has not got its whole answer. */
  readonly open: number;
  /** Bytes of every answer of this key so far, heads included, as handed to the system. */
  readonly bytesSent: number;
}

export interface Receiver {
  readonly url: string;
  /** What is answered from now on, in order, the last one repeating; none at all is 200 "ok" again. */
  script(...answers: readonly Answer[]): Promise<void>;
  /** Every request so far, oldest first; no more than the first 1000. */
  inbox(): Promise<ReceivedRequest[]>;
  open(): Promise<Open>;
  /** Lets the oldest held answer go. Throws if none is held. */
  release(): Promise<void>;
  /** The inbox once it has at least `n` requests; throws when `ms` (default 120 000) have passed without. */
  untilInbox(n: number, ms?: number): Promise<ReceivedRequest[]>;
}

declare module "vitest" {
  interface ProvidedContext {
    /** Origin of the receiver that server.ts started for this run of vitest. */
    receiverUrl: string;
  }
}

// A global of workerd that Node's types do not know.
declare const scheduler: { wait(ms: number): Promise<void> };

const POLL_MS = 20;

/** An inbox of its own on the shared receiver, unless `key` (see server.ts) names another. */
export function receiver(key: string = crypto.randomUUID()): Receiver {
  const origin = inject("receiverUrl");

  async function control(path: string, init?: RequestInit): Promise<string> {
    const response = await fetch(`${origin}${path}`, init);
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} was answered ${response.status}: ${text}`);
    return text;
  }

  async function inbox(): Promise<ReceivedRequest[]> {
    return JSON.parse(await control(`/_inbox/${key}`));
  }

  return {
    url: `${origin}/${key}`,
    inbox,
    script: async (...answers) => {
      await control(`/_script/${key}`, { method: "PUT", body: JSON.stringify(answers) });
    },
    release: async () => {
      await control(`/_release/${key}`, { method: "POST" });
    },
    open: async () => JSON.parse(await control(`/_open/${key}`)),
    untilInbox: async (n, ms = 120_000) => {
      const givenUpAt = Date.now() + ms;
      for (;;) {
        const requests = await inbox();
        if (requests.length >= n) return requests;
        if (Date.now() >= givenUpAt) {
          throw new Error(`${requests.length} of ${n} requests arrived within ${ms} ms.`);
        }
        await scheduler.wait(POLL_MS);
      }
    },
  };
}
