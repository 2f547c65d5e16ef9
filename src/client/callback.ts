/** What a workflow does with the callback it was given: report its run's end, and show that it is alive. */

import type { ActionRun, CallOptions, Heartbeat, HeartbeatAnswer, Report } from "./api.ts";
import { type CallSettings, checkedToken, checkedUrl, transportSettings } from "./settings.ts";
import { createSend } from "./transport.ts";

export interface CallbackSettings extends CallSettings {
  /**
   * By which the API knows a repeated report. One is made up for each callback object unless given: give the same to
   * a process that reports again what an earlier one may have reported.
   */
  readonly idempotencyKey?: string | undefined;
}

type Output = NonNullable<Report["output"]>;

/** A report resolves with the run as it is then. A report that was made before under the same key is a success. */
export interface Callback {
  succeed(output?: Output, options?: CallOptions): Promise<ActionRun>;
  /** `error`: a sentence on what went wrong, at most 8 KiB as JSON. */
  fail(error: string, output?: Output, options?: CallOptions): Promise<ActionRun>;
  /** The first one starts the run. Resolves with the run's status and deadline. */
  heartbeat(news?: Heartbeat, options?: CallOptions): Promise<HeartbeatAnswer>;
}

/** `url` and `token` as the run's `callback` has them. */
export function callback(url: string, token: string, settings: CallbackSettings = {}): Callback {
  const reportUrl = checkedUrl("The callback's URL", url);
  const heartbeatUrl = heartbeatUrlOf(reportUrl);
  const authorization = `Bearer ${checkedToken(token)}`;
  const idempotencyKey = settings.idempotencyKey ?? crypto.randomUUID();
  const send = createSend(transportSettings(settings));

  async function post<T>(
    to: string,
    body: Report | Heartbeat,
    headers: Readonly<Record<string, string>>,
    { signal }: CallOptions = {},
  ): Promise<T> {
    const request = new Request(to, {
      method: "POST",
      headers: { Authorization: authorization, "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
    return (await send(request, { signal })).json() as Promise<T>;
  }

  const report = (body: Report, options?: CallOptions) =>
    post<ActionRun>(reportUrl, body, { "Idempotency-Key": idempotencyKey }, options);
  return {
    succeed: (output, options) =>
      report({ status: "succeeded", ...(output === undefined ? {} : { output }) }, options),
    fail: (error, output, options) =>
      report({ status: "failed", error, ...(output === undefined ? {} : { output }) }, options),
    heartbeat: (news = {}, options) => post<HeartbeatAnswer>(heartbeatUrl, news, {}, options),
  };
}

/** Beside the callback. */
function heartbeatUrlOf(reportUrl: string): string {
  const url = new URL(reportUrl);
  if (!/\/callback$/.test(url.pathname)) {
    throw new TypeError(
      "The callback's URL is none: send the one the run was made with, which ends in /callback.",
    );
  }
  url.pathname = url.pathname.replace(/callback$/, "heartbeat");
  return url.href;
}
