/** The choices of people and of command lines whose batch runs twice, or that come at once. */

import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { askWith, envWith } from "../support/bindings.ts";
import { faults, faulty } from "../support/faults.ts";
import { type Answer, type Ask, ask, type Schemas } from "../support/requests.ts";
import { OWN_PAGE } from "../support/sessions.ts";
import { newAddress, newProject } from "../support/tokens.ts";
import { Browser, codeOf, peopleToken, person, type SessionAnswer, usePeople } from "./people.ts";

/** How long the service waits for D1 before it asks again. */
const D1_MAX_MS = 5000;
const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/** Of RFC 7636, appendix B. */
const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const PORT = 49_152;
const COMMAND_LINE = { verifier: VERIFIER, port: PORT };

function logIn(code: string) {
  const sent = { token: null, body: { code, ...COMMAND_LINE }, headers: { "CF-Connecting-IP": newAddress() } };
  return ask<SessionAnswer>("POST", "/session/login", sent);
}

async function given() {
  const people = await usePeople();
  const project = newProject();
  const token = await peopleToken(project, people);
  const browser = new Browser();
  const code = codeOf(await browser.signIn(people, person("ada")));
  return { people, project, token, browser, code };
}

/** A code for a command line, of a new session. */
async function loginCode(): Promise<string> {
  const { project, token, people } = await given();
  const { headers } = await new Browser().sessionOf(people, person("ada"), project, token);
  const body = { challenge: CHALLENGE, port: PORT, characters: "BUUZWH" };
  return (await ask<Schemas["LoginCode"]>("POST", "/session/login-codes", { token: null, headers, body })).body.code;
}

/**
 * The answer to a request whose first write commits, and nobody hears of it. The app runs in the test's own context, for
 * the test turns its clock.
 */
async function withLostAnswer(path: string, { body, headers = {} }: Ask): Promise<Answer<SessionAnswer>> {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const { promise: committed, resolve } = Promise.withResolvers<void>();
  faults.writes = "committed_then_silence";
  faults.onSilence = resolve;
  const sent = { token: null, body, headers: { "CF-Connecting-IP": newAddress(), ...headers } };
  const answer = askWith<SessionAnswer>(envWith({ DB: faulty(env.DB) }), "POST", path, sent);
  await committed;
  await vi.advanceTimersByTimeAsync(D1_MAX_MS);
  vi.useRealTimers();
  return answer;
}

describe("a batch that runs twice begins one session", () => {
  it("of a browser", async () => {
    const { project, token, browser, code } = await given();
    const Cookie = [...browser.cookies].map((pair) => pair.join("=")).join("; ");
    const body = { code, project: project.slice(1), tokenId: token.id };
    const begun = await withLostAnswer("/session", { body, headers: { ...OWN_PAGE, Cookie } });
    expect([begun.status, begun.body.person]).toEqual([201, "ada@example.com"]);
    const { body: sessions } = await ask<Schemas["SessionList"]>("GET", `${project}/sessions`);
    expect(sessions.map(({ id }) => id)).toEqual([begun.body.sessionId]);
  });

  it("of a command line", async () => {
    const begun = await withLostAnswer("/session/login", { body: { code: await loginCode(), ...COMMAND_LINE } });
    expect([begun.status, begun.body.person]).toEqual([201, "ada@example.com"]);
  });
});

describe("a code has one winner", () => {
  it("of two choices at once", async () => {
    const { project, token, browser, code } = await given();
    const chosen = { project, id: token.id };
    const answers = await Promise.all([browser.choose(code, chosen), browser.choose(code, chosen)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 401]);
  });

  it("of two command lines at once", async () => {
    const code = await loginCode();
    const answers = await Promise.all([logIn(code), logIn(code)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 401]);
  });
});
