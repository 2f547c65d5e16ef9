/**
 * The action `hello`, which `npm start` stores for its job. The job's port and signing secret can change with each
 * start, so each start stores them again. Everything else of a stored `hello` stays, because a person may have changed
 * it.
 */

import { randomBytes } from "node:crypto";
import { type ActionDefinition, ActionRunsError, type Actions, type StoredAction } from "../client/index.ts";
import { type HelloJob, RESULTS, SECONDS, startHelloJob } from "./hello-job.ts";

export const HELLO = "hello";

const PARAMETERS_SCHEMA = {
  type: "object",
  properties: {
    seconds: {
      title: "Seconds",
      description: "How long the job works.",
      type: "integer",
      minimum: SECONDS.least,
      maximum: SECONDS.most,
      default: SECONDS.default,
    },
    result: { title: "Result", description: "How the run ends.", enum: RESULTS, default: RESULTS[0] },
  },
  additionalProperties: false,
};

/** The job that the action calls, or a sentence that says why there is no such action. */
export type OfferedHello = { readonly job: HelloJob } | { readonly why: string };

/**
 * Starts the job, and stores the action that calls it. It does neither if a person's `hello` calls something else.
 * Throws errors of the client.
 *
 * `serverUrl`: where the job reports. The action belongs to an environment of that server.
 */
export async function offerHello(actions: Actions, serverUrl: string): Promise<OfferedHello> {
  const stored = await storedHello(actions);
  const usedPort = stored === null ? 0 : portOf(stored.definition.trigger?.url);
  if (usedPort === null)
    return { why: "Your action hello has another webhook, so it stays. Delete it to get the job back." };
  const signingSecret = `whsec_${randomBytes(32).toString("base64")}`;
  // The same port as before, because secrets that a person stored would not move to another.
  const job = await startHelloJob({ signingSecret, serverUrl, port: usedPort });
  try {
    const definition = calling(job, signingSecret, stored?.definition ?? FIRST);
    await actions.put(HELLO, definition, { ifVersion: stored?.version ?? null });
  } catch (error) {
    await job.close();
    throw error;
  }
  return { job };
}

const FIRST: ActionDefinition = {
  description: "Counts seconds on this machine. The job is a part of npm start.",
  parametersSchema: PARAMETERS_SCHEMA,
  timeout: 5,
  heartbeatTimeout: 1,
  trigger: {
    type: "webhook",
    url: "http://127.0.0.1:0/hello",
    startOn: "heartbeat",
    cancel: { url: "http://127.0.0.1:0/hello/stop" },
  },
};

/** The definition with the job's address and the signing secret. A stop request to another place stays. */
function calling(
  { url, stopUrl }: HelloJob,
  signingSecret: string,
  { trigger, ...rest }: ActionDefinition,
): ActionDefinition {
  if (trigger === undefined) return rest;
  const { cancel } = trigger;
  const movesStop = cancel !== undefined && portOf(cancel.url) !== null;
  return {
    ...rest,
    trigger: { ...trigger, url, signingSecret, ...(movesStop && { cancel: { ...cancel, url: stopUrl } }) },
  };
}

async function storedHello(actions: Actions): Promise<StoredAction | null> {
  try {
    return await actions.get(HELLO);
  } catch (error) {
    if (error instanceof ActionRunsError && error.code === "action_not_found") return null;
    throw error;
  }
}

/** The port of a job of `npm start`; null if the URL is something else. */
function portOf(url = ""): number | null {
  const [, port] = /^http:\/\/127\.0\.0\.1:(\d+)\/hello(?:\/stop)?$/.exec(url) ?? [];
  return port === undefined ? null : Number(port);
}
