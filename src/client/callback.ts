/** A run's callback, as its workflow uses it: send heartbeats, and report how the run ended. */

import { type CallOptions, present, type Schemas } from "./api.ts";
import { type CallSettings, checkedToken, checkedUrl } from "./settings.ts";
import { ActionRunsError, createSend } from "./transport.ts";

export interface CallbackSettings extends CallSettings {
  /** The key of the report. Default: random. Use a fixed one if another process may repeat the report. */
  readonly idempotencyKey?: string | undefined;
}

type Output = NonNullable<Schemas["Report"]["output"]>;
type ReportedActionRun = Schemas["ReportedActionRun"];

/**
 * A report resolves with the run after the report. A repeated report with the same key succeeds too. If the error has
 * more than 8 KiB as JSON, or the output more than 256 KiB, the service shortens them. `truncated` then says where.
 */
export interface Callback {
  succeed(output?: Output, options?: CallOptions): Promise<ReportedActionRun>;
  fail(error: string, output?: Output, options?: CallOptions): Promise<ReportedActionRun>;
  /**
   * The first heartbeat starts the run. If the result has a `cancel`, the job must end in time. A refusal with
   * `run_cancelled` means the same at once. `externalUrlRefused` says why the run did not get the link. `tail` shows the
   * newest lines of the job's output, without secrets: send it every 5 seconds while the result says `watched`, otherwise
   * every 30. If something refuses the lines, the heartbeat is sent again without them, and no later one has any.
   */
  heartbeat(news?: Schemas["Heartbeat"], options?: CallOptions): Promise<Schemas["HeartbeatAnswer"]>;
}

/** Of a service that does not know the member `tail`, or of a firewall in front of it that dislikes the text. */
const TAIL_REFUSALS: readonly (number | null)[] = [400, 403, 413, 422];

/** `url` and `token` are those of the run's `callback`. */
export function callback(url: string, token: string, settings: CallbackSettings = {}): Callback {
  const reportUrl = checkedUrl("The callback URL", url);
  const heartbeatUrl = heartbeatUrlOf(reportUrl);
  const authorization = `Bearer ${checkedToken(token)}`;
  const idempotencyKey = settings.idempotencyKey ?? crypto.randomUUID();
  const send = createSend(settings);

  async function post<T>(
    to: string,
    body: Schemas["Report"] | Schemas["Heartbeat"],
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

  let takesTail = true;
  async function heartbeat({ tail, ...news }: Schemas["Heartbeat"] = {}, options?: CallOptions) {
    const withoutTail = () => post<Schemas["HeartbeatAnswer"]>(heartbeatUrl, news, {}, options);
    if (tail === undefined || !takesTail) return withoutTail();
    try {
      return await post<Schemas["HeartbeatAnswer"]>(heartbeatUrl, { ...news, tail }, {}, options);
    } catch (fault) {
      if (!(fault instanceof ActionRunsError && TAIL_REFUSALS.includes(fault.status))) throw fault;
      // The run must not fall silent because of the lines. If they were not the reason, this is refused, too.
      const answer = await withoutTail();
      takesTail = false;
      return answer;
    }
  }

  const report = (body: Schemas["Report"], options?: CallOptions) =>
    post<ReportedActionRun>(reportUrl, body, { "Idempotency-Key": idempotencyKey }, options);
  return {
    succeed: (output, options) => report({ status: "succeeded", ...present({ output }) }, options),
    fail: (error, output, options) => report({ status: "failed", error, ...present({ output }) }, options),
    heartbeat,
  };
}

/** The heartbeat URL differs from the callback URL only in its last step. */
function heartbeatUrlOf(reportUrl: string): string {
  const url = new URL(reportUrl);
  if (!/\/callback$/.test(url.pathname)) {
    throw new TypeError("The callback URL is not valid. Use the callback.url of the run, which ends in /callback.");
  }
  url.pathname = url.pathname.replace(/callback$/, "heartbeat");
  return url.href;
}
