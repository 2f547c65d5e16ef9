/** Guesses of one-time codes and of callbacks: an address over its allowance has only a few of them under way. */

import { expect, it } from "vitest";
import { until } from "../support/direct.ts";
import { faults, holdReads } from "../support/faults.ts";
import { ask } from "../support/requests.ts";
import { changed } from "../support/settings.ts";
import { newProject } from "../support/tokens.ts";
import { Browser, codeOf, FROM_ISSUER, peopleToken, person, usePeople } from "./people.ts";

const AT_ONCE = 4;
const CODE = "0".repeat(43);
const [PROJECT, ID] = ["acme/shop", "019c0e5a-1800-7000-8000-000000000000"];

async function overAllowance(): Promise<Browser> {
  changed.UNKNOWN_TOKEN_LIMIT = { limit: async () => ({ success: false }) };
  const browser = new Browser();
  expect((await browser.choices(CODE)).status).toBe(429);
  return browser;
}

it.each<[string, (browser: Browser) => Promise<{ readonly status: number }>]>([
  ["shows a sign-in", (browser) => browser.choices(CODE)],
  ["begins a session", (browser) => browser.choose(CODE, { project: PROJECT, id: ID })],
  [
    "lets a command line in",
    ({ address }) =>
      ask("POST", "/session/login", {
        token: null,
        body: { code: CODE, verifier: CODE, port: 49_152 },
        headers: { "CF-Connecting-IP": address },
      }),
  ],
])("a code that %s", async (_what, guess) => {
  await usePeople();
  const browser = await overAllowance();
  const held = holdReads();
  const calls = faults.calls;
  let answered = 0;
  const guesses = Array.from({ length: 12 }, async () => {
    const { status } = await guess(browser);
    answered++;
    return status;
  });
  await until(async () => answered + faults.calls - calls >= 12);
  expect(faults.calls - calls).toBe(AT_ONCE);
  held.open();
  expect(new Set(await Promise.all(guesses))).toEqual(new Set([429]));
});

it("a callback, which asks the issuer; who really signed in still gets in", async () => {
  const people = await usePeople();
  const project = newProject();
  await peopleToken(project, people);
  const browser = await overAllowance();
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  people.instead["/token"] = () => gate.then(() => Response.json({ error: "invalid_grant" }, { status: 400 }));
  const backs = await Promise.all(
    Array.from({ length: 12 }, async () => {
      const one = new Browser();
      return [one, await one.comeBack(people, person("eve"))] as const;
    }),
  );
  let answered = 0;
  const guesses = backs.map(async ([one, back]) => {
    const headers = { ...FROM_ISSUER, "CF-Connecting-IP": browser.address };
    const { status } = await one.open(back.href, headers);
    answered++;
    return status;
  });
  const asked = () => people.requests.filter((path) => path === "/token").length;
  await until(async () => answered + asked() >= 12);
  expect(asked()).toBe(AT_ONCE);
  open();
  expect(new Set(await Promise.all(guesses))).toEqual(new Set([429]));
  delete people.instead["/token"];
  expect(codeOf(await browser.signIn(people, person("ada")))).toMatch(/^[\w-]{43}$/);
});
