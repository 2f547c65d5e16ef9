/** What `write-release.ts` and `release.test.ts` agree on: where the release's runs are, its keys, and its receivers. */

import { vi } from "vitest";

export const PROJECT = "/acme/of-a-release";
export const ENVIRONMENT = `${PROJECT}/envs/prod`;
export const RUNS = `${ENVIRONMENT}/action-runs`;

/** Far ahead, so that no alarm of the release rings by itself and no token expires before a test moves the clock. */
export const WRITTEN_AT = Date.UTC(2099, 0, 1, 12);

/** The release's own. The other tests may get another key one day. */
export const SIGNING_KEY = "the-signing-key-of-the-stored-release-1-0-0";

/** A receiver that starts jobs and refuses to stop them, and one that is down. */
export const RECEIVER = "https://ci.example.com/hooks";
export const DOWN = "https://down.example.com/hooks";
/** The receiver's secrets, which the stored actions have. */
export const HEADER_SECRET = "Bearer the-header-secret-7731";
export const NAMED_SECRET = "the-named-secret-8842";

/** The tokens, and what else the service tells only once. */
export interface Secrets {
  readonly admin: string;
  readonly ci: string;
  /** The replaced secret of `ci`, which still works. */
  readonly oldCi: string;
  readonly approver: string;
  readonly portal: string;
  /** The headers of a session's requests. */
  readonly session: Readonly<Record<string, string>>;
  /** The endpoint's. */
  readonly signingSecret: string;
}

export interface KnownRun {
  readonly id: string;
  /** Null if nobody has it yet, because the run's webhook has not been sent. */
  readonly callback: { readonly url: string; readonly token: string } | null;
}

/** What the release answered, by path. */
export type Answers = Readonly<Record<string, unknown>>;

export interface Release {
  readonly secrets: Secrets;
  /** By what each is there for. */
  readonly runs: Readonly<Record<string, KnownRun>>;
  readonly bulkId: string;
  readonly alarms: readonly (number | null)[];
  readonly answers: Answers;
}

export interface Received {
  readonly url: string;
  readonly headers: Headers;
  readonly text: string;
}

/** Stands where the network is. Returns the requests that reach the receivers. */
export function receivers(): readonly Received[] {
  const received: Received[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input, init);
    received.push({ url: request.url, headers: request.headers, text: await request.text() });
    if (request.url.startsWith(DOWN) || request.url.endsWith("/stop"))
      return new Response(null, { status: 503 });
    return Response.json({ build: "77" }, { status: 201 });
  });
  return received;
}
