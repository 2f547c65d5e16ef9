/**
 * With each official client, against `npm start`: an agent proposes, a colleague approves, the job runs, and the agent
 * reads the result.
 */

import { json } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Client, callback, createClient, type Schemas } from "../../../src/client/index.ts";
import { freePort } from "../../../src/dev/server.ts";
import { button, dialog, run, signInHere, untilRunIs, WIDE } from "../../server/console/site.ts";
import { until } from "../../server/until.ts";
import { describeInBrowser } from "../../server/watched-browser.ts";
import { type NodeServer, serve } from "../../support/node-server.ts";
import { Project } from "../project.ts";
import { AGENTS, type Agent, type Kind, SDKS, type ToolResult } from "./agents.ts";

/** In milliseconds. Less than the 10 s that a call waits for its run. */
const TIME_LIMIT = 4000;
const ORG = "acme";
const PROJECT = "shop";

interface Dispatch {
  readonly run: { readonly id: string; readonly callbackUrl: string; readonly callbackToken: string };
  readonly parameters: { readonly version: string; readonly waits?: boolean };
}

const project = new Project();
let origin: string;
let jobs: NodeServer;
/** The reports of jobs that wait, by their runs. */
const waiting = new Map<string, () => Promise<unknown>>();

beforeAll(async () => {
  const port = await freePort();
  origin = `http://localhost:${port}`;
  const start = project.run("start", "--", "--port", String(port));
  jobs = await serve(async (request, response) => {
    const { run, parameters } = (await json(request)) as Dispatch;
    response.writeHead(202).end();
    const report = () => callback(run.callbackUrl, run.callbackToken).succeed({ deployed: parameters.version });
    if (parameters.waits) waiting.set(run.id, report);
    else await report();
  });
  await start.until(/Ctrl-C.*\n/);
});
afterAll(async () => {
  await jobs?.close();
  await project.remove();
});

/** An environment with the action `deploy`, an agent for it, and a colleague who may approve. */
interface Shop {
  readonly agent: Agent;
  readonly operator: Client;
  readonly colleague: string;
}

const clientOf = (env: string, token: string) =>
  createClient({ baseUrl: origin, token, org: ORG, project: PROJECT, env });

async function openShop(
  { connect }: Kind,
  env: string,
  definition: Partial<Schemas["ActionDefinition"]>,
): Promise<Shop> {
  const operator = clientOf(env, project.rootToken());
  const trigger = { type: "webhook", url: `${jobs.url}/deploy`, startOn: "accepted" } as const;
  await operator.actions.put("deploy", { trigger, agents: {}, ...definition });
  const { token } = await operator.tokens.create({ name: "agent of ada", role: "member", person: "ada" });
  const colleague = await operator.tokens.create({ name: "bo", role: "member", person: "bo", mayApprove: true });
  return {
    agent: await connect({ url: urlOf(env), token, folder: project.folder }),
    operator,
    colleague: colleague.token,
  };
}

/** Each kind of agent has its own, because a second run would count. */
const envOf = (story: string, name: string) => `${story}-${Object.keys(AGENTS).indexOf(name)}`;
const urlOf = (env: string) => `${origin}/${ORG}/${PROJECT}/envs/${env}/mcp`;
const idOf = ({ structuredContent }: ToolResult) => String(structuredContent?.id);

/** `approve`: what the colleague does with the page that the agent names. */
async function play(
  { runsSay }: Kind,
  { agent, operator }: Shop,
  approve: (id: string, url: string) => Promise<unknown>,
): Promise<void> {
  expect(await agent.tools()).toContain("run_deploy");
  const proposed = await agent.call("run_deploy", { version: "1.4.2" });
  const id = idOf(proposed);
  const url = `${origin}/console/-/${operator.scope}/runs/${id}`;
  expect(proposed.structuredContent).toMatchObject({ status: "pending", waiting: { for: "approval" }, url });
  const { details } = await operator.runs.get(id, { include: "details" });
  expect(details?.agent).toBe(runsSay);
  const [ended] = await Promise.all([untilEnded(agent, id), approve(id, url)]);
  expect(ended.structuredContent).toMatchObject({ status: "succeeded", output: { deployed: "1.4.2" } });
  expect(ended.isError).toBeUndefined();
  // The clients compare each result with the schema of its tool.
  const lines = await agent.call("read_run_text", { id, at: "/output/deployed" });
  expect(lines.structuredContent).toMatchObject({ lines: ["1.4.2"], next: null });
  expect((await agent.call("list_runs", {})).structuredContent).toMatchObject({ runs: [{ id }], isComplete: true });
  await agent.close();
}

async function untilEnded(agent: Agent, id: string): Promise<ToolResult> {
  for (;;) {
    const told = await agent.call("get_run", { id, waitSeconds: 50 });
    if (!["pending", "running"].includes(String(told.structuredContent?.status))) return told;
  }
}

const GATED = { approval: {} };
const named = (kinds: Readonly<Record<string, Kind>>) => Object.entries(kinds);

describe.concurrent("an agent with", () => {
  it.each(named(AGENTS))(
    "%s proposes, a colleague approves, and it reads the result of the job",
    async (name, kind) => {
      const env = envOf("story", name);
      const shop = await openShop(kind, env, GATED);
      await play(kind, shop, (id) => clientOf(env, shop.colleague).runs.approve(id));
    },
  );

  it.each(named(SDKS))("%s that gives up and calls again has made one run", async (name, kind) => {
    const { agent, operator } = await openShop(kind, envOf("again", name), {});
    const call = { version: "1.4.3", waits: true };
    await expect(agent.call("run_deploy", call, { timeout: TIME_LIMIT })).rejects.toThrow(/timed out/i);
    const ids = async () => (await operator.runs.list().page()).entries.map(({ id }) => id);
    await until("the job has begun", async () => (await ids()).some((id) => waiting.has(id)));
    const again = agent.call("run_deploy", call);
    const [id = ""] = await ids();
    await waiting.get(id)?.();
    expect((await again).structuredContent).toMatchObject({ id, status: "succeeded", replayed: true });
    expect(await ids()).toEqual([id]);
    await agent.close();
  });

  it.each(named(SDKS))("%s and a token that may approve is told why it is refused", async (name, kind) => {
    const env = envOf("story", name);
    const { token } = await clientOf(env, project.rootToken()).tokens.create({
      name: "a boss's agent",
      role: "member",
      mayApprove: true,
    });
    // The newer SDK has the response in a member of its error.
    const told = await kind.connect({ url: urlOf(env), token, folder: project.folder }).catch((error: Error) => error);
    expect(`${String(told)} ${JSON.stringify(told)}`).toContain("so an agent must not have it");
  });
});

describeInBrowser("the page that an agent links to", (browser) => {
  it("lets a colleague approve what the agent proposed", async () => {
    const kind = SDKS["the SDK 2"] as Kind;
    const shop = await openShop(kind, "browser", GATED);
    const page = await browser.newPage(origin, WIDE);
    await play(kind, shop, async (_id, url) => {
      await page.goto(url);
      await signInHere(page, shop.colleague);
      await button(run(page), "Approve").click();
      await button(dialog(page, "Approve deploy?"), "Approve run").click();
      await untilRunIs(page, "succeeded");
    });
  });
});
