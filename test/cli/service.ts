/** A service that a test plays, and the command line with the settings to reach it. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { onTestFinished } from "vitest";
import type { Settings } from "./command.ts";
import { cli, cliAtTerminal } from "./in-process.ts";
import { badServer, json } from "./misbehaving.ts";

export type Step = (response: ServerResponse, request: IncomingMessage) => void;

/** The path of the environment that `settingsFor` names. */
export const ENVIRONMENT = "/acme/shop/envs/prod";

/** Settings for a server, without retries. */
export function settingsFor(url: string, more: Settings = {}): Settings {
  return {
    ACTION_RUNS_URL: url,
    ACTION_RUNS_TOKEN: "terr_x",
    ACTION_RUNS_ORG: "acme",
    ACTION_RUNS_PROJECT: "shop",
    ACTION_RUNS_ENV: "prod",
    ACTION_RUNS_RETRIES: "0",
    ...more,
  };
}

/** Until the test ends. `answer`: as of `badServer`. */
export async function service(answer: Parameters<typeof badServer>[0]) {
  const server = await badServer(answer);
  onTestFinished(server.close);
  const settings = settingsFor(server.url);
  return {
    server,
    settings,
    /** Method, path and body of each request. */
    sent: () => server.requests.map(({ line, body }) => [line, body === "" ? null : JSON.parse(body)] as const),
    run: (...args: readonly string[]) => cli(args, settings),
    atTerminal: (typed: string, ...args: readonly string[]) => cliAtTerminal(args, settings, typed),
  };
}

/** A service that gives every request the same answer. */
export function saying(status: number, body: unknown, headers = {}) {
  return service((_, response) => {
    if (status === 204) response.writeHead(status).end();
    else json(response, status, body, headers);
  });
}

/** Takes the steps in turn. The last one stays. */
export function inTurn(steps: readonly Step[]): Step {
  const left = [...steps];
  return (response, request) => (left.length > 1 ? left.shift() : left[0])?.(response, request);
}

export const answering =
  (status: number, body: unknown): Step =>
  (response) =>
    json(response, status, body);

export const gone: Step = (response) => response.destroy();

/** An event stream of these values that ends. */
export const streaming =
  (...events: readonly object[]): Step =>
  (response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.end(`retry: 1\n\n${events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("")}`);
  };
