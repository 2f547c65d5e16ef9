/** A CI job without a token: its proof is exchanged for an access token, which the commands send in its place. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { expect, it, onTestFinished, vi } from "vitest";
import { API_TOKEN } from "../../support/api/api-objects.ts";
import type { Settings } from "../command.ts";
import { cli } from "../in-process.ts";
import { badServer, json, RUN } from "../misbehaving.ts";
import { settingsFor } from "../service.ts";

const TOKEN_ID = "019ab3de-9b55-7003-a8a9-dd2c148ea617";
const EXCHANGE = `POST /acme/shop/tokens/${TOKEN_ID}/exchange`;

/** A proof as a product makes it. Nobody verifies its signature here. */
function proofFor(aud: unknown): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256" })}.${part({ aud })}.c2lnbmF0dXJl`;
}

type Answer = (request: IncomingMessage, response: ServerResponse, exchanges: number) => void;

/** A service that exchanges every proof, and GitHub at `/github`. */
async function given(more: (url: string) => Settings, answer: Answer = (_, response) => json(response, 200, RUN)) {
  let exchanges = 0;
  const server = await badServer((request, response) => {
    if (request.url?.startsWith("/github")) return json(response, 200, { count: 1, value: "a.github.proof" });
    if (!request.url?.endsWith("/exchange")) return answer(request, response, exchanges);
    const expiresAt = new Date(Date.now() + 15 * 60_000).toISOString();
    json(response, 200, { accessToken: `tera_${++exchanges}`, expiresAt });
  });
  onTestFinished(server.close);
  const { ACTION_RUNS_TOKEN: _, ...settings } = settingsFor(server.url);
  const job = { ...settings, ACTION_RUNS_TOKEN_ID: TOKEN_ID, ...more(server.url) } as Settings;
  const sent = () => server.requests.map(({ line, headers }) => [line.replace(/\?.*/, ""), headers.authorization]);
  const withInput = (...args: readonly string[]) => cli(args, job, "terr_stdin");
  return { server, sent, run: (...args: readonly string[]) => cli(args, job), withInput };
}

const github = (url: string): Settings => ({
  GITHUB_ACTIONS: "true",
  ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/github?api-version=2.0`,
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: "of-the-runner",
});
const gitlab = (url: string): Settings => ({ ACTION_RUNS_ID_TOKEN: proofFor(`${url}/acme/shop`) });

it("asks GitHub for a proof with the audience of its project, and sends what the service gives for it", async () => {
  const { server, sent, run } = await given(github);
  expect(await run("get", RUN.id)).toMatchObject({ code: 0, stderr: "" });
  expect(sent()).toEqual([
    ["GET /github", "Bearer of-the-runner"],
    [EXCHANGE, "Bearer none"],
    [`GET /acme/shop/envs/prod/action-runs/${RUN.id}`, "Bearer tera_1"],
  ]);
  const asked = new URL(server.requests[0]?.line.slice(4) ?? "", server.url).searchParams;
  expect([...asked]).toEqual([
    ["api-version", "2.0"],
    ["audience", `${server.url}/acme/shop`],
  ]);
  expect(JSON.parse(server.requests[1]?.body ?? "")).toEqual({ proof: "a.github.proof" });
});

it("takes the proof of other products from ACTION_RUNS_ID_TOKEN, also if its audience is a list", async () => {
  for (const aud of [(url: string) => `${url}/acme/shop`, (url: string) => [`${url}/acme/shop`]]) {
    const { sent, run } = await given((url) => ({ ACTION_RUNS_ID_TOKEN: proofFor(aud(url)) }));
    expect((await run("get", RUN.id)).code).toBe(0);
    expect(sent().map(([line]) => line)).toEqual([EXCHANGE, expect.stringMatching(/^GET/)]);
  }
});

it("sends no proof to a service that it was not made for", async () => {
  for (const proof of [
    proofFor("https://runs.example.com/acme/shop"),
    proofFor(undefined),
    "x",
    "a.b.c",
    "a.bnVsbA.c",
  ]) {
    const { sent, run } = await given(() => ({ ACTION_RUNS_ID_TOKEN: proof }));
    const { code, stdout, stderr } = await run("get", RUN.id);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(
      /ACTION_RUNS_ID_TOKEN has another audience\. Let your CI product make it for http.*\/acme\/shop\./,
    );
    expect(stderr).not.toContain(proof);
    expect(sent()).toEqual([]);
  }
});

it("says what a job without a proof lacks", async () => {
  const { sent, run } = await given(() => ({}));
  const { code, stderr } = await run("get", RUN.id);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/no proof.*id-token: write.*ACTION_RUNS_ID_TOKEN/)]);
  expect(sent()).toEqual([]);
});

it("exchanges again before the access token ends", async () => {
  const { sent, run } = await given(gitlab, (_, response, exchanges) => {
    // Each page of the list comes 14 minutes after the one before.
    vi.setSystemTime(Date.now() + 14 * 60_000);
    const next = `</acme/shop/tokens?cursor=x${exchanges}>; rel="next"`;
    json(response, 200, [API_TOKEN], exchanges < 3 ? { Link: next } : {});
  });
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  expect((await run("token", "list")).code).toBe(0);
  const authorized = sent().filter(([line]) => line === "GET /acme/shop/tokens");
  expect(authorized.map(([, token]) => token)).toEqual(["Bearer tera_1", "Bearer tera_2", "Bearer tera_3"]);
});

it("tells why the service takes no proof, and tries nothing else", async () => {
  const server = await badServer((_, response) =>
    json(response, 403, { error: "The claim environment differs.", code: "trust_unmet" }),
  );
  onTestFinished(server.close);
  const settings = { ...settingsFor(server.url), ACTION_RUNS_TOKEN_ID: TOKEN_ID, ...gitlab(server.url) };
  const { code, stderr } = await cli(["get", RUN.id], settings);
  expect([code, stderr]).toEqual([3, expect.stringMatching(/The claim environment differs\. \(trust_unmet/)]);
  expect(server.requests).toHaveLength(1);
});

it("tells if GitHub gives no proof, without the runner's token", async () => {
  for (const status of [403, 302, 200]) {
    const server = await badServer((_, response) => json(response, status, { message: "no" }, { Location: "/x" }));
    onTestFinished(server.close);
    const settings = { ...settingsFor(server.url), ACTION_RUNS_TOKEN_ID: TOKEN_ID, ...github(server.url) };
    const { code, stderr } = await cli(["get", RUN.id], settings);
    expect([code, stderr]).toEqual([6, expect.stringMatching(/GitHub gave no proof of this job/)]);
    expect(stderr).not.toContain("of-the-runner");
    expect(server.requests).toHaveLength(1);
  }
});

it("--token-stdin comes first, then --token-id, and then ACTION_RUNS_TOKEN", async () => {
  const { sent, run, withInput } = await given((url) => ({ ...gitlab(url), ACTION_RUNS_TOKEN: "terr_x" }));
  await run("whoami", "--token-id", TOKEN_ID);
  expect(sent().at(-1)).toEqual(["GET /whoami", "Bearer tera_1"]);
  await withInput("whoami", "--token-stdin");
  expect(sent().at(-1)).toEqual(["GET /whoami", "Bearer terr_stdin"]);
});

it("`token exchange` prints one, and on GitHub hides it first", async () => {
  const onGithub = await given(github);
  const shown = await onGithub.run("token", "exchange", "--no-json");
  expect(shown).toMatchObject({ code: 0, stdout: "tera_1\n", stderr: "::add-mask::tera_1\n" });
  const onGitlab = await given(gitlab);
  const { stdout, stderr } = await onGitlab.run("token", "exchange", "--json");
  expect(JSON.parse(stdout)).toEqual({ accessToken: "tera_1", expiresAt: expect.any(String) });
  expect(stderr).toBe("");
  expect(onGitlab.sent()).toHaveLength(1);
});

it("`token create --trust` takes JSON or a file, and shows no token", async () => {
  const trust = { for: "programs", issuer: "https://ci.example.com", claims: { sub: "x" } };
  const server = await badServer((_, response) => json(response, 201, { ...API_TOKEN, trust }));
  onTestFinished(server.close);
  const create = (value: string) =>
    cli(["token", "create", "ci", "--role", "member", "--no-json", "--trust", value], settingsFor(server.url));
  const { code, stdout } = await create(JSON.stringify(trust));
  expect(code).toBe(0);
  expect(stdout).toMatch(/opened by: +programs of https:\/\/ci\.example\.com/);
  expect(stdout).not.toContain("shown only here");
  expect(JSON.parse(server.requests[0]?.body ?? "")).toEqual({ name: "ci", role: "member", trust });
  expect(await create("x")).toMatchObject({ code: 2, stderr: expect.stringMatching(/--trust: give a JSON object/) });
});
