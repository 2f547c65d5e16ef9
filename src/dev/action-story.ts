/** The third part of `npm run demo`: a member starts, watches, cancels and retries a run of a stored action. */

import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { startJobReceiver } from "./job-receiver.ts";
import { RUNS } from "./story.ts";
import { type RunBody, send, type Telling } from "./telling.ts";

const UNTIL_MS = 15_000;

interface DetailedRun extends RunBody {
  readonly details?: {
    readonly action: { readonly name: string; readonly version: number } | null;
    readonly retryOf: string | null;
    readonly externalUrl: string | null;
  };
}

export async function tellActions(telling: Telling, origin: string, rootToken: string): Promise<void> {
  const key = randomBytes(16).toString("hex");
  const receiver = await startJobReceiver(key);
  try {
    const runs = `${origin}${RUNS}`;
    const action = runs.replace(/action-runs$/, "actions/release");

    telling.chapter("Store an action with its secret");
    const stored = await send({
      method: "PUT",
      url: action,
      token: rootToken,
      body: {
        parametersSchema: { type: "object", required: ["version"] },
        trigger: {
          type: "webhook",
          url: `${receiver.origin}/jobs`,
          headers: { "X-Api-Key": "{{ secrets.key }}" },
          secrets: { key },
          startOn: "heartbeat",
          link: "{{ response.web_url }}",
          cancel: {
            url: `${receiver.origin}/jobs/{{ response.id }}/stop`,
            headers: { "X-Api-Key": "{{ secrets.key }}" },
          },
        },
      },
    });
    telling.check("201: the response shows no secret", stored.status === 201 && !contains(stored.body, key));

    telling.chapter("Run it with a member's token, which holds no secret of the receiver");
    const minted = await send<{ readonly token?: string }>({
      method: "POST",
      url: `${origin}/acme/shop/tokens`,
      token: rootToken,
      body: { name: "portal", role: "member" },
    });
    const token = minted.body.token ?? "";
    const asMember = (method: string, url: string, body?: unknown) =>
      send<DetailedRun>({ method, url, token, body });
    const refused = await asMember("POST", `${action}/runs`, {});
    telling.check("422: the action's schema wants a version", refused.body.code === "invalid_parameters");
    const started = await asMember("POST", `${action}/runs`, { parameters: { version: "1.2.3" } });
    const { id } = started.body;
    telling.check(
      "201: only the receiver gets the callback token",
      started.status === 201 && started.body.callback === undefined,
    );
    const isRunning =
      started.status === 201 &&
      (await until(async () => (await quietly(`${runs}/${id}`, token)).status === "running"));
    const seen = await asMember("GET", `${runs}/${id}?include=details`);
    telling.check(
      "the job runs, and the run has a link to its page",
      isRunning && seen.body.details?.externalUrl === "https://ci.example.com/jobs/1",
    );

    telling.chapter("Cancel it");
    const cancelled = await asMember("POST", `${runs}/${id}/cancel`, { reason: "wrong version" });
    telling.check("202: the job has time to stop", cancelled.status === 202);
    const ended = await asMember("GET", `${runs}/${id}?wait=20`);
    telling.check("the job was told, and the run is cancelled", ended.body.status === "cancelled");
    telling.check("the receiver got a stop request", receiver.seen.includes("/jobs/1/stop"));

    telling.chapter("Retry it");
    const retried = await asMember("POST", `${runs}/${id}/retry?include=details`, {
      parameters: { version: "1.2.4" },
    });
    const { details } = retried.body;
    telling.check(
      "201: a new run names the action and the run that it repeats",
      details?.action?.name === "release" && details.retryOf === id,
    );
    const done = await asMember("GET", `${runs}/${retried.body.id}?wait=20`);
    telling.check("200: the new run succeeded", done.body.status === "succeeded");
  } finally {
    await receiver.close();
  }
}

function contains(body: unknown, secret: string): boolean {
  return JSON.stringify(body).includes(secret);
}

/** A run, without a line in the demo. */
async function quietly(url: string, token: string): Promise<RunBody> {
  const answer = await fetch(url, { headers: { Authorization: `Bearer ${token}` }, redirect: "error" });
  return (await answer.json()) as RunBody;
}

/** Whether it became so in time. */
async function until(isSo: () => Promise<boolean>): Promise<boolean> {
  for (const end = Date.now() + UNTIL_MS; Date.now() < end; await delay(100)) if (await isSo()) return true;
  return false;
}
