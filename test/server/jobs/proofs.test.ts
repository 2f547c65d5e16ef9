/**
 * The reporters in a job that has a proof in place of the callback token, run as their products run them. The product and
 * the exchange are stand-ins here; the run is the real server's. test/server/identity/ has a real exchange.
 */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ROOT } from "../../../src/dev/wrangler.ts";
import { type NodeServer, serve } from "../../support/node-server.ts";
import { type Ended, hasCurl, JobMachine, programFile, type Run } from "./job-machine.ts";
import { actionSteps, type Env, GITHUB, GITLAB_TEMPLATE } from "./products.ts";

const machine = new JobMachine("of-proofs-test");
const { folder, arrived } = machine;
const programs = join(folder, "programs");
const temporary = join(folder, "tmp");
const REQUEST_TOKEN = "a-request-token-that-nobody-else-sees";

/** An ID token with this audience, as products encode it. Nobody verifies it here. */
function proofFor(aud: unknown): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256" })}.${part({ sub: "job \u00e9\u{1f600}???>>>", aud, environment: "production" })}.c2lnbmF0dXJl_-`;
}

/** What GitHub was asked, and the statuses that it answers before it gives a proof. */
const asked: { readonly url: string; readonly authorization: string | undefined }[] = [];
const withheld: number[] = [];
/** What the exchange answers before it gives the run's token. */
const refusals: { readonly status: number; readonly code: string; readonly after?: string }[] = [];
let run: Run;
let proof: string;
let github: NodeServer;

beforeAll(async () => {
  for (const made of [programs, temporary]) mkdirSync(made);
  const noting = (name: string) => `#!/bin/sh\necho "$1" >>'${join(folder, name)}'\n`;
  writeFileSync(join(programs, "sleep"), noting("sleeps"), { mode: 0o755 });
  github = await serve(({ url = "", headers: { authorization } }, response) => {
    asked.push({ url, authorization });
    response.writeHead(withheld.shift() ?? 200).end(JSON.stringify({ count: 7, value: proof }));
  });
});
afterAll(() => github.close());

beforeEach(async () => {
  for (const list of [asked, withheld, refusals]) list.length = 0;
  rmSync(join(folder, "sleeps"), { force: true });
  machine.answer = (request) => {
    if (!request.path.endsWith("/token")) return machine.passOn(request);
    const { status, code, after } = refusals.shift() ?? { status: 200, code: "" };
    const grant = { callbackToken: run.token, expiresAt: "2099-01-01T00:00:00.000Z" };
    const body = status === 200 ? grant : { error: `Refused: ${code}.`, code };
    return Response.json(body, { status, headers: after === undefined ? {} : { "Retry-After": after } });
  };
  run = await machine.newRun();
  proof = proofFor(run.url);
  arrived.length = 0;
});

/** What a job of GitHub has that may ask for a proof. */
const ofGithub = (): Env => ({
  ACTIONS_ID_TOKEN_REQUEST_URL: `${github.url}/idtoken/42?api-version=2.0`,
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: REQUEST_TOKEN,
});
const here = (env: Env): Env => ({
  PATH: `${programs}${delimiter}${process.env.PATH}`,
  TMPDIR: temporary,
  CALLBACK_URL: run.url,
  ...env,
});
const scriptIn = (shell: readonly string[], how: string, env: Env) =>
  machine.run([...shell, join(ROOT, "reporters/report.sh"), how], here(env)).ended;
const sh = (how: string, env: Env = ofGithub()) => scriptIn(["sh"], how, env);

async function action(status: string): Promise<Ended> {
  const event = { inputs: { callback_url: run.url } };
  const eventFile = join(folder, "event.json");
  writeFileSync(eventFile, JSON.stringify(event));
  const env = here({ ...GITHUB, ...ofGithub(), GITHUB_EVENT_PATH: eventFile });
  const ended: Ended[] = [];
  for (const one of actionSteps({ status }, event, env)) ended.push(await machine.step(one));
  return { code: ended.find(({ code }) => code !== 0)?.code ?? 0, printed: ended.map((one) => one.printed).join("") };
}

function gitlab(status: string): Promise<Ended> {
  const { shell, variables, begin, end } = GITLAB_TEMPLATE;
  const env = { ...here({ ...variables, ACTION_RUNS_ID_TOKEN: proof }), CI_JOB_ID: "42", CI_JOB_STATUS: status };
  return machine.step({ shell, script: status === "heartbeat" ? begin : end, env });
}

const SHELLS = [["dash"], ["bash", "--posix"], ["busybox", "ash"]].filter(
  ([shell = ""]) => programFile(shell) !== undefined,
);

const REPORTERS: readonly (readonly [string, (word: string) => Promise<Ended>, boolean])[] = [
  ...SHELLS.map(
    (shell) => [`report.sh in ${shell.join(" ")}`, (word: string) => scriptIn(shell, word, ofGithub()), true] as const,
  ),
  ["report.sh with ACTION_RUNS_ID_TOKEN", (word) => sh(word, { ...ofGithub(), ACTION_RUNS_ID_TOKEN: proof }), false],
  ["action.yml", action, true],
  ["gitlab.yml", gitlab, false],
];

describe.skipIf(!hasCurl).each(REPORTERS)("%s", (_, report, asksGithub) => {
  it("gets the callback token for a proof of the run's callback URL, anew in each call", async () => {
    expect(await report("heartbeat")).toEqual({ code: 0, printed: "" });
    expect(await report("success")).toEqual({ code: 0, printed: "The run has succeeded.\n" });
    const what = arrived.map(({ path, authorization }) => [path.split("/").at(-1), authorization]);
    const token = ["token", undefined];
    expect(what).toEqual([token, ["heartbeat", `Bearer ${run.token}`], token, ["callback", `Bearer ${run.token}`]]);
    expect(arrived[0]).toMatchObject({ path: `${new URL(run.url).pathname}/token`, body: { proof } });
    const parameters = { "api-version": "2.0", audience: run.url };
    const question = [parameters, `Bearer ${REQUEST_TOKEN}`];
    const questions = asked.map(({ url, authorization }) => {
      expect(url).toMatch(/^\/idtoken\/42\?[\w=.&%-]+$/);
      return [Object.fromEntries(new URL(url, github.url).searchParams), authorization];
    });
    expect(questions).toEqual(asksGithub ? [question, question] : []);
    expect(await machine.ask("GET", `/${run.id}`)).toMatchObject({ status: "succeeded" });
  });
});

describe.skipIf(!hasCurl)("report.sh with a proof", () => {
  it.each([
    ["heartbeat", 409, "run_failed", 5],
    ["heartbeat", 409, "run_succeeded", 5],
    ["heartbeat", 409, "run_cancelled", 8],
    ["failed", 409, "run_timed_out", 0],
    ["failed", 409, "run_succeeded", 5],
    ["succeeded", 409, "run_failed", 5],
    ["heartbeat", 403, "another_execution", 1],
    ["succeeded", 403, "another_execution", 1],
    ["heartbeat", 403, "trust_unmet", 3],
    ["heartbeat", 401, "proof_invalid", 3],
    ["heartbeat", 404, "not_found", 4],
    ["heartbeat", 400, "invalid_body", 1],
    ["heartbeat", 503, "trigger_unanswered", 6],
    ["succeeded", 302, "", 1],
  ])("for %s, after %i %s, sends nothing else and exits %i", async (how, status, code, expected) => {
    const refusal = { status, code };
    refusals.push(refusal, refusal);
    const { code: exit, printed } = await sh(how, { ...ofGithub(), REPORT_TRIES: "2", TAIL: "a line" });
    expect(exit, printed).toBe(expected);
    expect(printed).toContain(`Refused: ${code}.`);
    expect(arrived.map(({ path }) => path.split("/").at(-1))).toEqual(Array(status === 503 ? 2 : 1).fill("token"));
    expect(await machine.ask("GET", `/${run.id}`)).toMatchObject({ status: "pending" });
  });

  it("waits for the receiver's response as long as Retry-After says", async () => {
    refusals.push({ status: 503, code: "trigger_unanswered", after: "2" }, { status: 503, code: "x", after: "2" });
    expect((await sh("heartbeat")).code).toBe(0);
    expect(readFileSync(join(folder, "sleeps"), "utf8")).toBe("2\n2\n");
  });

  it("takes a response without a token for none", async () => {
    refusals.push({ status: 202, code: "" });
    const { code, printed } = await sh("succeeded");
    expect([code, printed]).toEqual([6, expect.stringContaining("no callback token, and nothing was sent")]);
    expect(arrived).toHaveLength(1);
  });

  it.each([
    [[500, 503], 0],
    [[403], 6],
    [[404], 6],
  ])("asks GitHub again after an outage, and says if it gives no proof: %j", async (statuses, expected) => {
    withheld.push(...statuses);
    const { code, printed } = await sh("heartbeat");
    expect(code, printed).toBe(expected);
    if (code !== 0)
      expect(printed).toBe(`report.sh: GitHub gave no proof (status ${statuses[0]}). Nothing was sent.\n`);
    expect(arrived.length > 0).toBe(code === 0);
  });

  it("uses the callback token if there is one, and asks for no proof", async () => {
    expect((await sh("heartbeat", { ...ofGithub(), CALLBACK_TOKEN: run.token })).code).toBe(0);
    expect(asked).toEqual([]);
    expect(arrived).toMatchObject([{ authorization: `Bearer ${run.token}` }]);
  });

  it.each<[Env, string]>([
    [{}, "let the job have a proof"],
    [{ ACTIONS_ID_TOKEN_REQUEST_TOKEN: REQUEST_TOKEN }, "let the job have a proof"],
    [{ ACTION_RUNS_ID_TOKEN: 'a"b' }, "ACTION_RUNS_ID_TOKEN must be an ID token"],
    [{ ACTION_RUNS_ID_TOKEN: "a.b.c" }, "must have the audience CALLBACK_URL"],
    [{ ACTION_RUNS_ID_TOKEN: proofFor("https://runs.example/acme/shop") }, "must have the audience CALLBACK_URL"],
    [{ ACTION_RUNS_ID_TOKEN: proofFor(undefined) }, "must have the audience CALLBACK_URL"],
  ])("sends nothing with %j", async (env, words) => {
    expect(await sh("heartbeat", env)).toEqual({ code: 2, printed: expect.stringContaining(words) });
    expect([arrived, asked]).toEqual([[], []]);
  });

  it.each(SHELLS.map((shell) => [shell.join(" "), shell] as const))(
    "reads the audience in %s, also in a list of one",
    async (_, shell) => {
      for (const more of ["", "a", "ab"]) {
        const { url } = run;
        for (const [aud, code] of [
          [url, 0],
          [[url], 0],
          [`${url}x`, 2],
          [[url, "https://other.example"], 2],
        ] as const) {
          // Another length before it shifts the digits.
          const [, claims = ""] = proofFor(aud).split(".");
          const shifted = { [`x${more}`]: 1, ...JSON.parse(Buffer.from(claims, "base64url").toString()) };
          const env = { ACTION_RUNS_ID_TOKEN: `e30.${Buffer.from(JSON.stringify(shifted)).toString("base64url")}.x` };
          const ended = await scriptIn(shell, "heartbeat", env);
          expect([aud, ended.code], ended.printed).toEqual([aud, code]);
        }
      }
    },
  );

  // Each program that the script starts can be seen by others on the machine.
  it.each(SHELLS.map((shell) => [shell.join(" "), shell] as const))(
    "shows no secret in %s, also with -x, -a and variables of its own names",
    async (_, shell) => {
      const seen = join(folder, "seen");
      const noting = (name: string) =>
        `#!/bin/sh\n{ env; printf '%s\\n' "$@"; cat -- "$PWD"/*; } >>'${seen}' 2>&1\nPATH=\${PATH#*:} exec ${name} "$@"\n`;
      for (const name of ["curl", "sed"]) writeFileSync(join(programs, name), noting(name), { mode: 0o755 });
      const names = ["token", "proof", "request_token", "given", "answer"].map((name) => [name, "x"]);
      const env = { ...ofGithub(), ...Object.fromEntries(names) };
      const ended = [
        await scriptIn([...shell, "-x", "-a"], "heartbeat", env),
        await scriptIn([...shell, "-x", "-a"], "succeeded", { ...env, ACTION_RUNS_ID_TOKEN: proof }),
      ];
      for (const name of ["curl", "sed"]) rmSync(join(programs, name));
      const noted = readFileSync(seen, "utf8");
      rmSync(seen);
      expect(noted).toContain(`audience=${run.url}`);
      for (const { code, printed } of ended) expect(code, printed).toBe(0);
      for (const shown of [noted, ...ended.map(({ printed }) => printed)])
        for (const secret of [proof, REQUEST_TOKEN, run.token.slice(-64)]) expect(shown).not.toContain(secret);
      expect(readdirSync(temporary)).toEqual([]);
    },
  );
});
