/** Signing in with an issuer: who gets in as whom, and what an attacker can do with each part of it. */

import { env } from "cloudflare:workers";
import { decodeJwt, generateKeyPair } from "jose";
import { describe, expect, it } from "vitest";
import { hopsOf, watchHops } from "../support/api/hops.ts";
import { later } from "../support/clock.ts";
import { ask } from "../support/requests.ts";
import { watchLog } from "../support/secrets.ts";
import { cookieOf } from "../support/sessions.ts";
import { changed } from "../support/settings.ts";
import { newProject, type Refusal } from "../support/tokens.ts";
import { newIssuer } from "./issuer.ts";
import {
  Browser,
  type Choices,
  CLIENT_ID,
  codeOf,
  FROM_ISSUER,
  FROM_OWN_PAGE,
  locationOf,
  ORIGIN,
  type Person,
  peopleToken,
  person,
  rowsOfSignIns,
  useIssuers,
  usePeople,
  withClaim,
} from "./people.ts";

const logged = watchLog();
const ADA = person("ada");
const DISCOVERY = "/.well-known/openid-configuration";
const failure = ({ href }: URL) => href.replace(`${ORIGIN}/console/sign-in#error=`, "");

describe("the way to the issuer", () => {
  it("asks for a code with PKCE, state, nonce and the scopes, and keeps them in a sealed cookie", async () => {
    const people = await usePeople({ scope: "groups openid" });
    const browser = new Browser();
    const answer = await browser.open("/session/sign-in?to=/console/-/acme/shop/tokens");
    const { origin, pathname, searchParams } = locationOf(answer);
    expect(origin + pathname).toBe(`${people.url}/auth`);
    const random = expect.stringMatching(/^[\w-]{43}$/);
    expect(Object.fromEntries(searchParams)).toEqual({
      client_id: CLIENT_ID,
      response_type: "code",
      redirect_uri: `${ORIGIN}/session/callback`,
      scope: "openid email profile groups",
      state: random,
      nonce: random,
      code_challenge: random,
      code_challenge_method: "S256",
    });
    const cookies = answer.headers.getSetCookie();
    expect(cookies).toHaveLength(1);
    expect(cookies[0]).toMatch(
      /^__Host-action-runs-sign-in-[\w-]{12}=[\w-]+; Max-Age=(599|600); Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    );
    for (const secret of ["state", "nonce", "code_challenge"])
      expect(cookies[0]).not.toContain(searchParams.get(secret) ?? "");
    expect(answer.headers.get("Referrer-Policy")).toBe("no-referrer");
  });

  it.each<[string, Record<string, string>, string]>([
    ["another site", { ...FROM_OWN_PAGE, "Sec-Fetch-Site": "cross-site" }, ORIGIN],
    ["another port of the host", { ...FROM_OWN_PAGE, "Sec-Fetch-Site": "same-site" }, ORIGIN],
    ["the address bar", { ...FROM_OWN_PAGE, "Sec-Fetch-Site": "none" }, ORIGIN],
    ["no browser", {}, ORIGIN],
    ["a script", { ...FROM_OWN_PAGE, "Sec-Fetch-Mode": "cors" }, ORIGIN],
    ["another hostname of the service", FROM_OWN_PAGE, "https://runs.workers.example"],
  ])("is not taken by %s, which is led to the page of the console", async (_who, headers, origin) => {
    const people = await usePeople();
    for (const [query, page] of [
      ["", "/console"],
      ["?to=/console/cli%3Fport=1", "/console/cli?port=1"],
    ]) {
      const answer = await ask<null>("GET", `${origin}/session/sign-in${query}`, { token: null, headers });
      expect([locationOf(answer).href, answer.headers.getSetCookie()]).toEqual([`${ORIGIN}${page}`, []]);
    }
    expect(people.requests).toEqual([]);
  });

  it("is open behind a proxy that asks with its own loopback address", async () => {
    const people = await usePeople();
    const answer = await ask<null>("GET", "http://127.0.0.1:8787/session/sign-in", {
      token: null,
      headers: FROM_OWN_PAGE,
    });
    expect(locationOf(answer).origin).toBe(people.url);
  });

  it.each([
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/console//evil.example",
    "/console\\..\\x",
    "/console/../session/callback",
    "/console/%2e%2e/session",
    "/consoles",
    "/session",
    "/",
    "",
    "console",
    "/console/\u202e",
    "/console/a b",
    "javascript:alert(1)",
    `/console/${"a".repeat(492)}`,
  ])("leads afterwards only to the console, not to %j", async (to) => {
    const people = await usePeople();
    const browser = new Browser();
    const { status, body } = await browser.open(`/session/sign-in?${new URLSearchParams({ to })}`);
    expect([status, body?.code, body?.pointer]).toEqual([400, "invalid_query", "/to"]);
    expect([people.requests, browser.cookies.size]).toEqual([[], 0]);
  });

  it.each([
    "/console",
    "/console?x=1",
    "/console/-/acme/shop/prod/runs?status=failed#top",
    `/console/${"a".repeat(491)}`,
  ])("leads back to %s", async (to) => {
    const people = await usePeople();
    const browser = new Browser();
    const { body } = await browser.choices(codeOf(await browser.signIn(people, ADA, to)));
    expect(body.to).toBe(to);
  });

  it("leaves a browser five sign-ins under way, and the newest ones", async () => {
    await usePeople();
    const browser = new Browser();
    for (let n = 0; n < 5; n++) await browser.open("/session/sign-in");
    const [oldest, ...others] = browser.cookies.keys();
    await browser.open("/session/sign-in");
    expect([...browser.cookies.keys()].slice(0, 4)).toEqual(others);
    expect([browser.cookies.size, browser.cookies.has(oldest ?? "")]).toEqual([5, false]);
  });

  it("leads to a sentence if the issuer does not answer, and sets no cookie", async () => {
    const people = await usePeople();
    people.instead["/.well-known/openid-configuration"] = () => new Response(null, { status: 502 });
    const answer = await new Browser().open("/session/sign-in");
    expect([failure(locationOf(answer)), answer.headers.getSetCookie()]).toEqual(["issuer_unavailable", []]);
  });
});

describe("without an issuer of people", () => {
  it.each([
    ["no setting", []],
    ["an issuer of programs alone", [{ issuer: "https://ci.example", kind: "other" }]],
  ])("with %s, nothing of it exists, and D1 is not asked", async (_what, issuers) => {
    if (issuers.length > 0) useIssuers(issuers);
    watchHops();
    const { lines } = await hopsOf(async () => {
      const browser = new Browser();
      const code = "0".repeat(43);
      const answers = [
        await browser.open("/session/sign-in"),
        await browser.open(`/session/callback?code=x&state=${code}`, FROM_ISSUER),
        await browser.choices<Refusal>(code),
        await browser.post<Refusal>("/session/login-codes", { challenge: code, port: 1, characters: "AAAAAA" }),
        await browser.post<Refusal>("/session/login", { code, verifier: code, port: 1 }),
      ];
      for (const { status, body } of answers) expect([status, body?.code]).toEqual([404, "not_found"]);
      expect(answers[0]?.body?.error).toMatch(/no entry of OIDC_ISSUERS has a clientId/);
      const { status, body } = await browser.choose(code, { project: "acme/shop", id: crypto.randomUUID() });
      expect([status, body.code]).toEqual([401, "sign_in_code_invalid"]);
    });
    expect(lines.map(({ d1 }) => d1)).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe("what the issuer says", () => {
  it("opens nothing by itself: the person sees what they may open, and chooses", async () => {
    const people = await usePeople();
    const project = newProject();
    const token = await peopleToken(project, people, { role: "member", mayApprove: true });
    const browser = new Browser();
    const code = codeOf(await browser.signIn(people, ADA));
    expect(browser.cookies.size).toBe(1);
    const { status, body } = await browser.choices(code);
    const mine = body.tokens.filter((one) => one.project === project.slice(1));
    expect([status, { ...body, tokens: mine }]).toEqual([
      200,
      {
        issuer: people.url,
        issuerName: "Example ID",
        subject: "sub-of-ada",
        person: "ada@example.com",
        to: "/console",
        tokens: [
          {
            project: project.slice(1),
            id: token.id,
            name: "platform",
            role: "member",
            envName: null,
            mayApprove: true,
          },
        ],
      },
    ]);
    const chosen = await browser.choose(code, { project, id: token.id });
    expect(chosen.status).toBe(201);
    expect(cookieOf(chosen.headers)).toMatch(/^s\.[\w-]{43}$/);
    expect(chosen.body).toMatchObject({
      id: token.id,
      name: "platform",
      role: "member",
      person: "ada@example.com",
      mayApprove: true,
      mayActForOthers: false,
      issuer: people.url,
    });
    // The code is used up, and so is its cookie.
    expect([...browser.cookies.keys()]).toEqual(["__Host-action-runs-session"]);
    expect((await browser.choices<Refusal>(code)).body.code).toBe("sign_in_code_invalid");
  });

  it("shows several tokens of several projects, and none of a project that the issuer may not speak for", async () => {
    const people = await usePeople({ projects: ["acme/*", "umbrella/open"] });
    const projects = [newProject(), newProject(), `/umbrella/open`];
    for (const project of projects) await peopleToken(project, people);
    useIssuers([{ issuer: people.url, kind: "people", projects: "acme/*", clientId: CLIENT_ID }]);
    const browser = new Browser();
    const { body } = await browser.choices(codeOf(await browser.signIn(people, ADA)));
    expect(body.tokens.map((one) => `/${one.project}`)).toEqual(projects.slice(0, 2).sort());
  });

  it("shows tokens of each project, also if other projects have more than it can show", async () => {
    const people = await usePeople();
    const projects = ["aaa/*", "acme/*"];
    useIssuers([{ issuer: people.url, kind: "people", projects, clientId: CLIENT_ID }]);
    const mine = await peopleToken(newProject(), people);
    const crowd = ["/aaa/a", "/aaa/b"].flatMap((project) => Array.from({ length: 100 }, () => project));
    for (const project of crowd) await peopleToken(project, people, { role: "viewer" });
    const browser = new Browser();
    const shown: Choices = (await browser.choices(codeOf(await browser.signIn(people, ADA)))).body;
    expect(shown.tokens).toHaveLength(200);
    expect(shown.tokens.map(({ id }) => id)).toContain(mine.id);
  });

  it.each<[string, object]>([
    ["another group", { groups: "approvers" }],
    ["two claims of which one differs", { groups: "deployers", email: "bo@example.com" }],
    ["the group with another claim", { groups: "deployers", department: "operations" }],
    ["an anchor as a prefix", { groups: "deployer" }],
  ])("does not open a token that trusts %s", async (_what, claims) => {
    const people = await usePeople();
    const project = newProject();
    const { id } = await peopleToken(project, people, {}, claims);
    const browser = new Browser();
    const code = codeOf(await browser.signIn(people, ADA));
    const { body } = await browser.choices(code);
    expect([body.tokens, body.subject]).toEqual([[], "sub-of-ada"]);
    const { status, body: refusal } = await browser.choose(code, { project, id });
    expect([status, refusal.code]).toEqual([401, "token_invalid"]);
  });

  it.each<[string, Person["idToken"], NonNullable<Person["userInfo"]>]>([
    ["the ID token comes first", { groups: ["deployers"] }, { groups: ["others"] }],
    ["a number compares as text", { groups: [7] }, {}],
    ["a claim in a list of the trust", { sub: "sub-of-ada" }, { groups: "others", roles: ["a", "b"] }],
  ])("meets a trust as the documents say: %s", async (_what, idToken, userInfo) => {
    const people = await usePeople();
    const project = newProject();
    const wanted = _what.startsWith("a number") ? { groups: "7" } : _what.includes("list") ? { roles: ["b", "c"] } : {};
    const { id } = await peopleToken(project, people, {}, Object.keys(wanted).length > 0 ? wanted : undefined);
    const sub = "sub-of-ada";
    const who = {
      idToken: { sub, ...idToken },
      userInfo: { sub, email: "ada@example.com", email_verified: true, ...userInfo },
    };
    const browser = new Browser();
    const { body } = await browser.choices(codeOf(await browser.signIn(people, who)));
    expect(body.tokens.map((one) => one.id)).toEqual([id]);
  });

  const info = (more: object) => ({ sub: "sub-of-ada", email: "ada@example.com", email_verified: true, ...more });
  it.each<[string, object, Person]>([
    ["an address that nobody verified", {}, { ...ADA, userInfo: info({ email_verified: false }) }],
    ["an address of which nothing says so", {}, { ...ADA, userInfo: info({ email_verified: undefined }) }],
    ["a text that says so", {}, { ...ADA, userInfo: info({ email_verified: "true" }) }],
    [
      "another document that says so of no address",
      {},
      { idToken: { sub: "sub-of-ada", email_verified: true }, userInfo: info({ email_verified: false }) },
    ],
    ["no address", {}, { ...ADA, userInfo: info({ email: undefined }) }],
    ["an address with a space", {}, { ...ADA, userInfo: info({ email: "ada lovelace@example.com" }) }],
    ["the operator's name", { personClaim: "nick" }, { ...ADA, userInfo: info({ nick: "r00t" }) }],
    ["an empty name", { personClaim: "nick" }, { ...ADA, userInfo: info({ nick: "" }) }],
    ["a list of names", { personClaim: "nick" }, { ...ADA, userInfo: info({ nick: ["ada"] }) }],
    ["a claim that is missing", { personClaim: "nick" }, ADA],
    ["a claim of every object", { personClaim: "constructor" }, ADA],
  ])("names no person with %s, so nobody is signed in", async (_what, entry, who) => {
    const people = await usePeople(entry);
    expect(failure(await new Browser().signIn(people, who))).toBe("person_unknown");
  });

  it("names the person by personClaim, in lower case", async () => {
    const people = await usePeople({ personClaim: "preferred_username" });
    const who = { idToken: { sub: "x", preferred_username: "Ada.L@Example.com" }, userInfo: { sub: "x" } };
    const browser = new Browser();
    const { body } = await browser.choices(codeOf(await browser.signIn(people, who)));
    expect(body.person).toBe("ada.l@example.com");
  });

  it("is refused if UserInfo is about somebody else, or missing", async () => {
    const people = await usePeople();
    const another = { ...ADA, userInfo: { ...ADA.userInfo, sub: "sub-of-bo" } };
    expect(failure(await new Browser().signIn(people, another))).toBe("proof_invalid");
    expect(failure(await new Browser().signIn(people, { ...ADA, userInfo: null }))).toBe("issuer_unavailable");
  });

  it("is the ID token alone if the issuer has no UserInfo", async () => {
    const people = await usePeople();
    delete people.document.userinfo_endpoint;
    const sub = "sub-of-ada";
    const who = { idToken: { sub, email: "ada@example.com", email_verified: true }, userInfo: null };
    expect(codeOf(await new Browser().signIn(people, who))).toBeDefined();
  });

  it.each<[string, (jwt: string) => string | Promise<string>]>([
    ["a claim that somebody changed", (jwt) => withClaim(jwt, "sub", "sub-of-bo")],
    ["no signature", (jwt) => `${jwt.split(".").slice(0, 2).join(".")}.`],
    [
      "the algorithm none",
      (jwt) => {
        const header = btoa(JSON.stringify({ alg: "none" })).replaceAll("=", "");
        return `${header}.${jwt.split(".")[1]}.`;
      },
    ],
    [
      "the key of somebody else",
      async (jwt) =>
        (await newIssuer("https://x.example", "people-1", "RS256", generateKeyPair("RS256"))).sign(decodeJwt(jwt)),
    ],
  ])("is refused for an ID token with %s", async (_what, forge) => {
    const people = await usePeople();
    people.forge = forge;
    expect(failure(await new Browser().signIn(people, ADA))).toBe("proof_invalid");
  });

  it.each<[string, Record<string, unknown>]>([
    ["another nonce", { nonce: "x".repeat(43) }],
    ["no nonce", { nonce: undefined }],
    ["another client as audience", { aud: "another" }],
    ["two audiences", { aud: [CLIENT_ID, "another"], azp: CLIENT_ID }],
    ["another issuer", { iss: "https://evil.example" }],
    ["an end that has passed", { exp: 1_700_000_000 }],
    ["no end", { exp: undefined }],
  ])("is refused for an ID token with %s, although the issuer signed it", async (_what, claims) => {
    const people = await usePeople();
    people.forge = (jwt) => people.signing.sign({ ...decodeJwt(jwt), ...claims });
    expect(failure(await new Browser().signIn(people, ADA))).toBe("proof_invalid");
  });

  it.each(["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"])(
    "sends nothing to this machine, also if the document of an issuer elsewhere names it: %s",
    async (endpoint) => {
      const people = await usePeople();
      people.document[endpoint] = "http://127.0.0.1:9/x";
      const answer = await new Browser().open("/session/sign-in");
      expect([failure(locationOf(answer)), people.requests]).toEqual(["issuer_unavailable", [DISCOVERY]]);
    },
  );

  it.each([
    ["in a header, if the issuer lists no way", undefined, "header", 1],
    ["in the body, if the issuer lists it", ["client_secret_post", "client_secret_basic"], "body", 1],
    ["in a header, if the client is registered so", ["client_secret_basic", "client_secret_post"], "header", 2],
    ["in the body, if the issuer lists only that", ["client_secret_post", "private_key_jwt"], "body", 1],
  ] as const)("shows the client's secret %s", async (_, methods, secretIn, requests) => {
    const people = await usePeople();
    people.secretIn = secretIn;
    if (methods !== undefined) people.document.token_endpoint_auth_methods_supported = methods;
    codeOf(await new Browser().signIn(people, ADA));
    expect(people.requests.filter((path) => path === "/token")).toHaveLength(requests);
  });

  it("shows a wrong secret in each way once", async () => {
    const people = await usePeople();
    people.document.token_endpoint_auth_methods_supported = ["client_secret_basic", "client_secret_post"];
    changed.OIDC_CLIENT_SECRET = "another secret";
    expect(failure(await new Browser().signIn(people, ADA))).toBe("sign_in_refused");
    expect(people.requests.filter((path) => path === "/token")).toHaveLength(2);
  });

  it("is refused if the issuer did not sign anybody in, or knows another secret", async () => {
    const people = await usePeople();
    const browser = new Browser();
    const back = await browser.comeBack(people, ADA);
    back.searchParams.delete("code");
    back.searchParams.set("error", "access_denied");
    expect(failure(locationOf(await browser.open(back.href, FROM_ISSUER)))).toBe("sign_in_refused");
    changed.OIDC_CLIENT_SECRET = "another";
    expect(failure(await browser.signIn(people, ADA))).toBe("sign_in_refused");
  });
});

describe("an attacker", () => {
  it.each<[string, (back: URL) => void]>([
    ["another state", (back) => back.searchParams.set("state", "x".repeat(43))],
    ["no state", (back) => back.searchParams.delete("state")],
    ["a state that is no state", (back) => back.searchParams.set("state", "__proto__")],
    ["two states", (back) => back.searchParams.append("state", "x")],
    ["another issuer", (back) => back.searchParams.set("iss", "https://evil.example")],
    ["no issuer", (back) => back.searchParams.delete("iss")],
    [
      "an error in the name of another issuer",
      (back) => {
        back.searchParams.set("iss", "https://evil.example");
        back.searchParams.set("error", "access_denied");
      },
    ],
    ["no code", (back) => back.searchParams.delete("code")],
    ["two codes", (back) => back.searchParams.append("code", "x")],
    ["a code that nobody got", (back) => back.searchParams.set("code", "x")],
  ])("gets nowhere with a callback that has %s", async (_what, change) => {
    const people = await usePeople();
    const browser = new Browser();
    const back = await browser.comeBack(people, ADA);
    change(back);
    const at = locationOf(await browser.open(back.href, FROM_ISSUER));
    expect(failure(at)).toBe("sign_in_code_invalid");
    expect(await rowsOfSignIns()).not.toContain(people.url);
  });

  it("can't sign somebody else in: the victim's browser did not begin the sign-in", async () => {
    const people = await usePeople();
    const [attacker, victim] = [new Browser(), new Browser()];
    const back = await attacker.comeBack(people, ADA);
    const { requests } = people;
    const before = requests.length;
    expect(failure(locationOf(await victim.open(back.href, FROM_ISSUER)))).toBe("sign_in_code_invalid");
    // Nor with a sign-in of the victim's own under way.
    await victim.comeBack(people, person("eve"));
    expect(failure(locationOf(await victim.open(back.href, FROM_ISSUER)))).toBe("sign_in_code_invalid");
    expect(requests.length).toBe(before);
  });

  it("can't use a stolen callback, nor a stolen code, nor a stolen cookie", async () => {
    const people = await usePeople();
    const project = newProject();
    const token = await peopleToken(project, people);
    const [attacker, victim] = [new Browser(), new Browser()];
    // The callback, with a state of the attacker's own.
    const stolen = await victim.comeBack(people, ADA);
    const own = await attacker.comeBack(people, person("eve"));
    own.searchParams.set("code", stolen.searchParams.get("code") ?? "");
    expect(failure(locationOf(await attacker.open(own.href, FROM_ISSUER)))).toBe("sign_in_code_invalid");
    // The one-time code.
    const code = codeOf(await victim.signIn(people, ADA));
    const tried = [await attacker.choices<Refusal>(code), await attacker.choose(code, { project, id: token.id })];
    expect(tried.map(({ status, body }) => [status, body.code])).toEqual([
      [401, "sign_in_code_invalid"],
      [401, "sign_in_code_invalid"],
    ]);
    // Another code, and the cookie of this one.
    const another = codeOf(await attacker.signIn(people, person("eve")));
    const thief = new Browser();
    for (const [name, value] of victim.cookies) thief.cookies.set(name, value);
    expect((await thief.choices<Refusal>(another)).body.code).toBe("sign_in_code_invalid");
    expect((await thief.choices<Refusal>("0".repeat(43))).body.code).toBe("sign_in_code_invalid");
    // Whom the code belongs to is not hurt.
    expect((await victim.choose(code, { project, id: token.id })).status).toBe(201);
  });

  it("can't hand a code to the victim's page, which would work in the attacker's session", async () => {
    const people = await usePeople();
    const [attacker, victim] = [new Browser(), new Browser()];
    const code = codeOf(await attacker.signIn(people, person("eve")));
    await victim.signIn(people, ADA);
    expect((await victim.choices<Refusal>(code)).body.code).toBe("sign_in_code_invalid");
  });

  it("can't replay a callback: the cookie of its state is gone, and the issuer takes a code once", async () => {
    const people = await usePeople();
    const browser = new Browser();
    const back = await browser.comeBack(people, ADA);
    const kept = new Map(browser.cookies);
    codeOf(locationOf(await browser.open(back.href, FROM_ISSUER)));
    expect(failure(locationOf(await browser.open(back.href, FROM_ISSUER)))).toBe("sign_in_code_invalid");
    for (const [name, value] of kept) browser.cookies.set(name, value);
    expect(failure(locationOf(await browser.open(back.href, FROM_ISSUER)))).toBe("sign_in_code_invalid");
  });

  it("can't rename the cookie of one state to that of another", async () => {
    const people = await usePeople();
    const browser = new Browser();
    const first = await browser.comeBack(people, ADA);
    const second = await browser.comeBack(people, person("eve"));
    const [[a = "", ofFirst = ""] = [], [b = "", ofSecond = ""] = []] = [...browser.cookies];
    browser.cookies.set(a, ofSecond).set(b, ofFirst);
    for (const back of [first, second]) {
      expect(failure(locationOf(await browser.open(back.href, FROM_ISSUER)))).toBe("sign_in_code_invalid");
    }
  });

  it("is charged for each failed callback and each wrong code, and finds nothing in the log", async () => {
    // The log has at most 100 lines of a second, and the tests before can fill one.
    later(1000);
    const people = await usePeople();
    let charged = 0;
    changed.UNKNOWN_TOKEN_LIMIT = {
      limit: async () => {
        charged++;
        return { success: true };
      },
    };
    const browser = new Browser();
    await browser.open(`/session/callback?code=x&state=${"x".repeat(43)}`, FROM_ISSUER);
    await browser.signIn(people, { ...ADA, userInfo: { ...ADA.userInfo, sub: "x" } });
    await browser.choices<Refusal>("0".repeat(43));
    await browser.choose("0".repeat(43), { project: "acme/shop", id: crypto.randomUUID() });
    const code = codeOf(await browser.signIn(people, ADA));
    expect(charged).toBe(4);
    const text = logged.join("\n");
    expect(text).toContain("/session/callback");
    for (const secret of [code, "sub-of-ada", "ada@example", ...browser.cookies.values()]) {
      expect(text).not.toContain(secret);
    }
  });

  it("learns nothing from D1 but hashes", async () => {
    const people = await usePeople();
    const project = newProject();
    const token = await peopleToken(project, people);
    const browser = new Browser();
    const code = codeOf(await browser.signIn(people, ADA));
    const rows = await rowsOfSignIns();
    expect(rows).toContain(people.url);
    for (const secret of [code, ...browser.cookies.values()]) expect(rows).not.toContain(secret);
    const { headers, body } = await browser.choose(code, { project, id: token.id });
    const after = await rowsOfSignIns();
    expect(after).toContain("ada@example.com");
    for (const secret of [cookieOf(headers), body.pageKey, code]) expect(after).not.toContain(secret);
    expect(
      await env.DB.prepare("SELECT count(*) AS n FROM sign_in_codes WHERE about LIKE ?")
        .bind(`%${people.url}%`)
        .first("n"),
    ).toBe(0);
  });
});

it.each(["/session/sign-in", "/session", "/session/login", "/session/login-codes"])(
  "a body of more than 16 KiB is refused by %s",
  async (path) => {
    await usePeople();
    const { status, body } = await new Browser().post<Refusal>(path, { code: "a".repeat(16_384) });
    expect([status, body.code]).toEqual([413, "body_too_large"]);
  },
);

describe("the choice", () => {
  it("is refused for a token that was revoked since the sign-in, and another one can be chosen", async () => {
    const people = await usePeople();
    const project = newProject();
    const [gone, stays] = [await peopleToken(project, people), await peopleToken(project, people)];
    const browser = new Browser();
    const code = codeOf(await browser.signIn(people, ADA));
    await ask("DELETE", `${project}/tokens/${gone.id}`);
    const { status, body } = await browser.choose(code, { project, id: gone.id });
    expect([status, body.code, body.error]).toEqual([
      401,
      "token_invalid",
      expect.stringMatching(/Choose another one/),
    ]);
    const shown: Choices = (await browser.choices(code)).body;
    expect(shown.tokens.map(({ id }) => id)).toEqual([stays.id]);
    expect((await browser.choose(code, { project, id: stays.id })).status).toBe(201);
    const again = await browser.choose(code, { project, id: stays.id });
    expect([again.status, again.body.code]).toEqual([401, "sign_in_code_invalid"]);
  });

  it.each([
    ["the issuer is no longer the one with which people sign in", { clientId: undefined }],
    ["its project may no longer trust the issuer", { projects: "umbrella/*" }],
  ])("is refused if %s", async (_what, entry) => {
    const people = await usePeople();
    const project = newProject();
    const token = await peopleToken(project, people);
    const browser = new Browser();
    const code = codeOf(await browser.signIn(people, ADA));
    const before = { issuer: people.url, kind: "people", projects: "acme/*", clientId: CLIENT_ID };
    useIssuers([{ ...before, ...entry }]);
    expect((await browser.choose(code, { project, id: token.id })).body.code).toBe("sign_in_code_invalid");
  });

  it("names the token of one project alone", async () => {
    const people = await usePeople();
    const [project, another] = [newProject(), newProject()];
    const [mine, others] = [
      await peopleToken(project, people),
      await peopleToken(another, people, {}, { groups: "approvers" }),
    ];
    const browser = new Browser();
    const code = codeOf(await browser.signIn(people, ADA));
    for (const chosen of [
      { project, id: others.id },
      { project: another, id: mine.id },
      { project: another, id: others.id },
    ]) {
      const { status, body } = await browser.choose(code, chosen);
      expect([status, body.code]).toEqual([401, "token_invalid"]);
    }
    const half = await browser.post<Refusal>("/session", { code, tokenId: mine.id });
    expect([half.status, half.body.pointer]).toEqual([400, "/project"]);
  });
});
