/**
 * The documents by example: every fenced block is run against a real server, in order, as a reader would paste it, or
 * says in its document why not. What the prose leaves to the reader is filled in by the tables here.
 */

import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClient } from "../../../src/client/index.ts";
import { type OfferedHello, offerHello } from "../../../src/dev/hello.ts";
import { EXAMPLE_ENVIRONMENT } from "../../../src/dev/server.ts";
import { ENV_FILE, envFile } from "../../../src/dev/welcome.ts";
import { ROOT } from "../../../src/dev/wrangler.ts";
import { GITHUB, GITLAB } from "../../identity/documented-claims.ts";
import { newIssuer } from "../../identity/issuer.ts";
import { type Installation, newInstallation } from "../installation.ts";
import { ask, type CreatedRun, createToken } from "../load.ts";
import { until } from "../until.ts";
import { type Block, blocksOf, faultsOf } from "./document.ts";
import { type Receiver, startReceiver } from "./receiver.ts";
import { type Exchange, type Recorder, startRecorder } from "./recorder.ts";
import { commandsOf, furnish, type Ran, Session } from "./session.ts";
import { readShown, shapeFaults } from "./shape.ts";

const NAMES = [
  "README.md",
  "SECURITY.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "bench/README.md",
  "bench/findings.md",
  "docs/agents.md",
  "docs/api.md",
  "docs/architecture.md",
  "docs/bulk.md",
  "docs/capacity.md",
  "docs/clients.md",
  "docs/exchange.md",
  "docs/gates.md",
  "docs/notifications.md",
  "docs/operations.md",
  "docs/sign-in.md",
  "docs/starts.md",
  "docs/webhooks.md",
  "examples/README.md",
  "examples/inbound/README.md",
  "examples/prometheus/README.md",
  "examples/webhook-endpoints/README.md",
  "reporters/README.md",
  "test/soak/README.md",
];
const RUNNABLE = ["sh", "ts"];

interface Entry {
  readonly issuer: string;
}

const documents = NAMES.filter((name) => existsSync(join(ROOT, name))).map((name) => {
  const markdown = readFileSync(join(ROOT, name), "utf8");
  return { name, markdown, blocks: blocksOf(name, markdown) };
});
const all = documents.flatMap(({ blocks }) => blocks.filter(({ notRun }) => notRun === null));
const github = await newIssuer(String(GITHUB.iss));
/** The entries of all settings that the documents show. */
const issuers = documents.flatMap(({ markdown }) =>
  [...markdown.matchAll(/OIDC_ISSUERS = '''(.*?)'''/gs)].flatMap(([, json = ""]) => JSON.parse(json) as Entry[]),
);
const actions = readdirSync(join(ROOT, "examples"), { recursive: true, encoding: "utf8" })
  .filter((file) => /action[^/]*\.json$/.test(file))
  .sort();

let folder: string;
let installation: Installation;
let recorder: Recorder;
let receiver: Receiver;
let hello: OfferedHello;
let memberToken: string;
let proof: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "action-runs-readme-"));
  furnish(folder);
  const [signingSecret = ""] = /whsec_[\w+/=]+/.exec(documents[0]?.markdown ?? "") ?? [];
  receiver = await startReceiver(signingSecret);
  // GitHub is this test.
  const entries = issuers.map((one) => (one.issuer === github.issuer ? { ...one, jwks: github.jwks } : one));
  // An example's action trusts GitLab.
  const trusted = JSON.stringify([...entries, { issuer: GITLAB.iss, kind: "gitlab" }]);
  const settings = `ALLOW_INSECURE_WEBHOOKS=true\nWEBHOOK_HOSTS=127.0.0.1\nOIDC_ISSUERS='${trusted}'\n`;
  installation = await newInstallation(settings);
  const server = await installation.start();
  recorder = await startRecorder(Number(new URL(server.url).port));
  const { iat: _, nbf: __, exp: ___, ...claims } = GITHUB;
  proof = await github.sign({ ...claims, aud: `${recorder.url}/acme/shop` });
  const member = { name: "member", role: "member" };
  memberToken = await createToken(`${server.url}/acme/shop`, installation.token, member);
  writeFileSync(join(folder, ".dev.vars"), `ROOT_TOKEN=${installation.token}\n`);
  mkdirSync(join(folder, ".wrangler"));
  // What `npm start` leaves for its reader.
  writeFileSync(join(folder, ENV_FILE), envFile(recorder.url, EXAMPLE_ENVIRONMENT, installation.token));
  const client = createClient({ baseUrl: recorder.url, token: installation.token, ...EXAMPLE_ENVIRONMENT });
  hello = await offerHello(client.actions, recorder.url);
  for (const beside of ["examples", "reporters"]) {
    const from = join(ROOT, beside);
    if (existsSync(from)) cpSync(from, join(folder, beside), { recursive: true });
    else mkdirSync(join(folder, beside));
  }
  for (const file of actions) {
    const copy = join(folder, "examples", file);
    // Nothing that a test sends leaves the machine. A signing secret has a form, so a reader must fill it in.
    const action = readFileSync(copy, "utf8").replace(/(?<!"issuer": ")https:\/\/[\w.-]+/g, receiver.url);
    writeFileSync(copy, action.replace("YOUR_SIGNING_SECRET", signingSecret));
  }
});

afterAll(async () => {
  await recorder?.close();
  await installation?.remove();
  await receiver?.close();
  if (hello && "job" in hello) await hello.job.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What documents say and what it is here. Each must be said somewhere. */
const HERE: readonly { readonly says: string; readonly here: () => string }[] = [
  { says: "http://localhost:8787", here: () => recorder.url },
  { says: "https://ci.example.com", here: () => receiver.url },
  { says: "https://hooks.slack.com", here: () => receiver.url },
  // Half a minute, for what is tested elsewhere.
  { says: "?wait=30", here: () => "?wait=1" },
];

/** What a reader has at hand from the start. */
const GIVEN: Readonly<Record<string, () => Readonly<Record<string, string>>>> = {
  "README.md": () => ({ CI_JOB_ID: "4711" }),
  "docs/api.md": () => ({ CI_JOB_ID: "4712" }),
  "docs/exchange.md": () => ({ PROOF: proof }),
  "docs/operations.md": () => ({
    ACTION_RUNS_URL: recorder.url,
    ACTION_RUNS_ORG: EXAMPLE_ENVIRONMENT.org,
    ACTION_RUNS_PROJECT: EXAMPLE_ENVIRONMENT.project,
    ACTION_RUNS_ENV: EXAMPLE_ENVIRONMENT.env,
    ACTION_RUNS_TOKEN: installation.token,
  }),
  "reporters/README.md": () => ({ RUNS: `${recorder.url}/acme/shop/envs/reporters/action-runs` }),
  "examples/README.md": () => ({
    ACTIONS: `${recorder.url}/acme/shop/envs/examples/actions`,
    ADMIN_TOKEN: installation.token,
    TOKEN: memberToken,
  }),
};

/** What a reader copies from an answer for the commands that follow. */
function copied({ request, status, body }: Exchange): Readonly<Record<string, string>> {
  if (status !== 201) return {};
  if (request.endsWith("/tokens")) return { TOKEN_ID: (JSON.parse(body) as { id: string }).id };
  const { id, callback } = JSON.parse(body) as Partial<CreatedRun>;
  if (id === undefined) return {};
  return { ID: id, ...(callback && { CALLBACK_URL: callback.url, CALLBACK_TOKEN: callback.token }) };
}

/** What the prose takes to be so when it comes to these blocks. Each must be found. */
const BEFORE: readonly { readonly block: string; readonly first: (session: Session) => Promise<void> }[] = [
  { block: "%/callback}/heartbeat", first: createAnother },
  { block: "-X DELETE $RUNS/$ID", first: createAnother },
  { block: "curl -s $RUNS/$ID/events", first: untilItHasEnded },
  { block: "sh report.sh heartbeat", first: createAnother },
];

/** The run at hand has ended, and what follows is about one that has not. */
async function createAnother(session: Session): Promise<void> {
  const run = await ask<CreatedRun>("POST", await session.get("RUNS"), {
    token: installation.token,
    body: { actionName: "deploy" },
  });
  expect(run.status).toBe(201);
  session.set({ ID: run.body.id, CALLBACK_URL: run.body.callback.url, CALLBACK_TOKEN: run.body.callback.token });
}

/** The workflow that the run has started takes its time. */
async function untilItHasEnded(session: Session): Promise<void> {
  const url = `${await session.get("RUNS")}/${await session.get("ID")}?wait=30`;
  const run = await ask<object>("GET", url, { token: installation.token });
  expect(run.body).toMatchObject({ completedAt: expect.any(String) });
}

/** Runs a block, a command at a time, and resolves with what the last one printed. */
async function run({ at, language, text, answers }: Block, session: Session): Promise<string> {
  const script = HERE.reduce((said, { says, here }) => said.replaceAll(says, here()), text);
  for (const { block, first } of BEFORE) if (text.includes(block)) await first(session);
  let ran: Ran = { code: 0, stdout: "", stderr: "" };
  const commands = language === "ts" ? [script] : commandsOf(script);
  for (const [index, command] of commands.entries()) {
    const before = recorder.exchanges.length;
    ran = language === "ts" ? await session.runTypeScript(command) : await session.run(command);
    const exchanges = recorder.exchanges.slice(before);
    const context = `${at}:\n${command}\n${ran.stdout}\n${ran.stderr}`;
    if (/\bcurl /.test(command)) expect(exchanges, context).not.toEqual([]);
    const [, type] = /Accept: ([\w/]+)/.exec(command) ?? [];
    if (type !== undefined) expect(exchanges.at(-1)?.type, context).toContain(type);
    const refused = index === commands.length - 1 ? answers : null;
    if (refused === null) expect(ran.code, context).toBe(0);
    else expect(exchanges.at(-1)?.status, context).toBe(refused);
    const others = refused === null ? exchanges : exchanges.slice(0, -1);
    expect(
      others.filter(({ status }) => status >= 400),
      context,
    ).toEqual([]);
    for (const exchange of exchanges) session.set(copied(exchange));
  }
  return ran.stdout;
}

describe.each(documents)("$name", ({ name, blocks }) => {
  let session: Session;
  let printed = "";

  beforeAll(() => {
    // The documents in docs/ speak to a reader in the root of the repository, the others to one beside them.
    const at = name.startsWith("docs/") ? folder : join(folder, dirname(name));
    session = new Session(folder, at, name.replaceAll("/", "-"));
    session.set(GIVEN[name]?.() ?? {});
  });

  it("says of every block how it is run, or why not", () => {
    expect(faultsOf(blocks, RUNNABLE)).toEqual([]);
  });

  for (const block of blocks) {
    if (block.notRun !== null) it.skip(`${block.at} is not run: ${block.notRun}`);
    else if (block.language === "json") {
      it(`${block.at} shows what is really answered`, () => {
        expect(shapeFaults(readShown(block.text), JSON.parse(printed))).toEqual([]);
      });
    } else if (RUNNABLE.includes(block.language)) {
      it(`${block.at} does what it says`, async () => {
        printed = await run(block, session);
      });
    }
  }
});

describe("examples/", () => {
  const blocks = ["@gitlab/action.json", "$ACTIONS/deploy/runs"].map((said) =>
    all.find(({ at, text }) => at.startsWith("examples/README.md") && text.includes(said)),
  );

  it.each(actions)("%s is stored, and a member's run of it is sent on, as the README says", async (file) => {
    const session = new Session(folder, join(folder, "examples"), file.replaceAll("/", "-"));
    session.set(GIVEN["examples/README.md"]?.() ?? {});
    const { trigger } = JSON.parse(readFileSync(join(folder, "examples", file), "utf8"));
    const before = receiver.asked.length;
    let printed = "";
    for (const block of blocks) {
      const text = block?.text.replace("gitlab/action.json", file).replace("deploy-1.4.2", file) ?? "";
      printed = await run({ at: file, language: "sh", text, notRun: null, answers: null }, session);
    }
    const started = JSON.parse(printed);
    expect(started).toMatchObject({ status: "pending", actionName: "deploy" });
    expect(started).not.toHaveProperty("callback");
    const { pathname, search } = new URL(trigger.url);
    await until("the receiver is called", () => receiver.asked.length > before);
    expect(receiver.asked.slice(before)).toEqual([pathname + search]);
  });
});

it("no block puts a token on a command line, which `ps` shows to everybody", () => {
  const blocks = documents.flatMap((document) => document.blocks).filter(({ language }) => language === "sh");
  for (const { at, text } of blocks) expect(text, at).not.toMatch(/-H ["']?Authorization|--token[= ]/);
});

it("all documents use one environment, which is that of npm start", () => {
  const named = documents.flatMap(({ markdown }) =>
    [...markdown.matchAll(/\/envs\/([a-z][\w-]*)|ACTION_RUNS_ENV=(\S+)|\benv(?:Name)?"?: "(\w+)"/g)].map(
      ([, path, variable, member]) => path ?? variable ?? member,
    ),
  );
  expect(named.length).toBeGreaterThan(5);
  expect(new Set(named)).toEqual(new Set([EXAMPLE_ENVIRONMENT.env]));
});

it("every file and section that a document names is there", () => {
  const sections = (markdown: string) =>
    [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, "")
        .replaceAll(" ", "-"),
    );
  const sources = globSync("{src,test,bench,bin}/**/*.{ts,tsx,js}", { cwd: ROOT }).concat(readdirSync(ROOT));
  const bare = new Set(sources.map((file) => basename(file)));
  for (const { name, markdown } of documents) {
    for (const [, file = ""] of markdown.matchAll(/`([\w.-]+\.(?:ts|tsx|js))`/g))
      expect(bare.has(file), `${name}: ${file}`).toBe(true);
    for (const [, file = ""] of markdown.matchAll(/`((?:src|test|docs|bench|migrations)\/[\w./-]+)`/g))
      expect(existsSync(join(ROOT, file)), `${name}: ${file}`).toBe(true);
    for (const [, to = "", section] of markdown.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)) {
      const file = to === "" ? join(ROOT, name) : join(ROOT, dirname(name), to);
      expect(existsSync(file), `${name}: ${to}`).toBe(true);
      if (section !== undefined) expect(sections(readFileSync(file, "utf8")), `${name}: ${to}`).toContain(section);
    }
  }
});

it("every row of a table is in one: no line stands between it and the head", () => {
  for (const { name, markdown } of documents) {
    for (const [table] of markdown.matchAll(/(?<!^\|.*\n)(?:^\|.*\n)+/gm))
      expect(table.split("\n")[1], `${name}: ${table.slice(0, 80)}`).toMatch(/^\|(?: *:?-+:? *\|)+$/);
  }
});

it("the tables here are about what the documents still say", () => {
  const text = all.map((block) => block.text).join("\n");
  for (const { says } of HERE) expect(text).toContain(says);
  for (const { block } of BEFORE) expect(text).toContain(block);
});
