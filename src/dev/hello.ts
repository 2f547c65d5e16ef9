/**
 * The job of the action `hello`, in the process of `npm start`. It counts seconds with heartbeats, and reports its end.
 *
 * Any page in a browser and any user of this machine can reach its port. So it listens on 127.0.0.1 alone, and does
 * nothing unless the request names this host and has the signature of the service. It checks the two parameters that it
 * uses again, and reports to its own server alone.
 */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import * as z from "zod/mini";
import { ActionRunsError, type Actions, type Callback, callback, type Schemas, type Stored } from "../client/index.ts";

type ActionDefinition = Schemas["ActionDefinition"];

const HOST = "127.0.0.1";
const PATH = "/hello";
const STOP_PATH = `${PATH}/stop`;
const SECOND_MS = 1000;
const BODY_MAX_BYTES = 64 * 1024;
/** A job is a timer and a connection. More of them are a mistake. */
const JOBS_MAX = 100;

const SECONDS = { least: 1, most: 60, default: 10 } as const;
const RESULTS = ["succeeded", "failed"] as const;

const dispatch = z.object({
  run: z.object({ callbackUrl: z.url(), callbackToken: z.string() }),
  parameters: z.object({
    seconds: z._default(z.int().check(z.minimum(SECONDS.least), z.maximum(SECONDS.most)), SECONDS.default),
    result: z._default(z.enum(RESULTS), RESULTS[0]),
  }),
});
type Dispatch = z.output<typeof dispatch>;

const SENTENCES: Readonly<Record<number, string>> = {
  401: "The signature is not valid. Restart `npm start`, which stores a new signing secret.",
  422: `The job accepts seconds from ${SECONDS.least} to ${SECONDS.most}, and the result ${RESULTS.join(" or ")}.`,
  503: `The job runs ${JOBS_MAX} times already. Wait until some of them have ended.`,
};

export type HelloJob = Awaited<ReturnType<typeof startHelloJob>>;

/** `serverUrl`: `scheme://host:port` of the server that gets all reports. `port`: to listen on, if it is free. */
export async function startHelloJob({
  signingSecret,
  serverUrl,
  port,
}: Record<"signingSecret" | "serverUrl", string> & { readonly port: number }) {
  const jobs = new Map<string, AbortController>();
  const server = createServer(async (request, response) => {
    const status = await answer(request).catch(() => 400);
    response.writeHead(status, { "Content-Type": "text/plain" }).end(SENTENCES[status]);
  });

  async function answer(request: IncomingMessage): Promise<number> {
    // A name that a stranger's page made point to this machine (DNS rebinding).
    if (request.headers.host !== hostOf(server)) return 421;
    if (request.method !== "POST") return 405;
    const body = await readBody(request);
    if (body === null) return 413;
    if (!isSigned(signingSecret, body, request.headers)) return 401;
    // The run's id. The id of its stop request has an ending.
    const id = String(request.headers["webhook-id"]);
    if (request.url === STOP_PATH) return stop(id.replace(/-cancel$/, ""));
    return request.url === PATH ? start(id, body) : 404;
  }

  function start(id: string, body: string): number {
    // The service may send a webhook twice.
    if (jobs.has(id)) return 202;
    if (jobs.size >= JOBS_MAX) return 503;
    const { data } = dispatch.safeParse(JSON.parse(body));
    if (data === undefined) return 422;
    const job = new AbortController();
    jobs.set(id, job);
    const report = callback(new URL(new URL(data.run.callbackUrl).pathname, serverUrl).href, data.run.callbackToken);
    // The run may end before its job, and the server may be gone. Then nobody needs the report.
    void work(data.parameters, report, job.signal)
      .catch(() => {})
      .finally(() => jobs.delete(id));
    return 202;
  }

  function stop(id: string): number {
    const job = jobs.get(id);
    job?.abort();
    return job === undefined ? 404 : 204;
  }

  await listen(server, port);
  const origin = `http://${hostOf(server)}`;
  return {
    url: `${origin}${PATH}`,
    stopUrl: `${origin}${STOP_PATH}`,
    close: async () => {
      for (const job of jobs.values()) job.abort();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function work(
  { seconds, result }: Dispatch["parameters"],
  report: Callback,
  stopped: AbortSignal,
): Promise<void> {
  const log: string[] = [];
  for (let second = 0; second <= seconds && !stopped.aborted; second++) {
    const message = second === 0 ? "Hello! The job has begun." : `Second ${second} of ${seconds} is over.`;
    log.push(message);
    const { cancel } = await report.heartbeat({ message, progress: second / seconds, tail: `${log.join("\n")}\n` });
    if (cancel !== null) break;
    if (second < seconds) await delay(SECOND_MS, undefined, { signal: stopped }).catch(() => {});
  }
  const output = { greeting: "Hello from the job on this machine", log: log.join("\n") };
  if (log.length <= seconds) await report.fail("The job stopped because its run was cancelled.", output);
  else if (result === "failed") await report.fail("The job failed because its run asked for that.", output);
  else await report.succeed(output);
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, HOST);
  try {
    await once(server, "listening");
  } catch {
    server.listen(0, HOST);
    await once(server, "listening");
  }
}

function hostOf(server: Server): string {
  return `${HOST}:${(server.address() as AddressInfo).port}`;
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  let body = Buffer.alloc(0);
  for await (const chunk of request) {
    body = Buffer.concat([body, chunk as Buffer]);
    if (body.length > BODY_MAX_BYTES) return null;
  }
  return body.toString();
}

function isSigned(secret: string, body: string, headers: IncomingMessage["headers"]): boolean {
  try {
    new Webhook(secret).verify(body, headers as Record<string, string>, { jsonParse: false });
    return true;
  } catch {
    return false;
  }
}

const HELLO = "hello";

const { least: minimum, most: maximum } = SECONDS;
const seconds = { type: "integer", minimum, maximum, default: SECONDS.default };
const PARAMETERS_SCHEMA = {
  type: "object",
  properties: {
    seconds: { title: "Seconds", description: "How long the job works.", ...seconds },
    result: { title: "Result", description: "How the run ends.", enum: RESULTS, default: RESULTS[0] },
  },
  additionalProperties: false,
};

/** The job that the action calls. `why`: a sentence that says why there is no job, or why a run does not start at once. */
export type OfferedHello = { readonly job: HelloJob; readonly why?: string } | { readonly why: string };

/**
 * Starts the job, and stores the action that calls it, unless a person's `hello` calls something else. The job's port
 * and signing secret can change with each start. Everything else of a stored `hello` stays, because a person may have
 * changed it. `serverUrl`: where the job reports. Throws errors of the client.
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
  return { job, ...(stored?.definition.approval && { why: "Your action hello waits for an approval." }) };
}

const FIRST: ActionDefinition = {
  description: "Counts seconds on this machine. The job is a part of npm start.",
  title: "count {{ parameters.seconds }} seconds",
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

function storedHello(actions: Actions): Promise<Stored<Schemas["Action"]> | null> {
  return actions.get(HELLO).catch((error: unknown) => {
    if (error instanceof ActionRunsError && error.code === "action_not_found") return null;
    throw error;
  });
}

/** The port of a job of `npm start`; null if the URL is something else. */
function portOf(url = ""): number | null {
  const [, port] = /^http:\/\/127\.0\.0\.1:(\d+)\/hello(?:\/stop)?$/.exec(url) ?? [];
  return port === undefined ? null : Number(port);
}
