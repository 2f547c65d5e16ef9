/** What the browser keeps of a session, and for how long. */

import { expect, it } from "vitest";
import { createSessionStore, SESSION_KEY, type SessionApi } from "../../src/console/session/session.tsx";

import type { Holder, Session } from "../../src/console/session/sign-in.ts";

const HOUR_MS = 3_600_000;
const HOLDER: Holder = {
  id: "id-1",
  name: "ci",
  role: "viewer",
  permissions: ["data:read"],
  project: "acme/shop",
  envName: null,
  expiresAt: "2030-01-01T12:00:00.000Z",
  person: null,
  issuer: null,
  mayApprove: false,
  mayActForOthers: false,
  tokenExpiresAt: null,
  sessionId: "session-1",
};
const SCOPE = { o: "acme", p: "shop", envName: "prod" };
const SESSION: Session = { pageKey: "key-1", holder: HOLDER, renewedAt: 0, scope: SCOPE };

/** A store over a storage that can be looked into, what it asked the service, and how often it told a change. */
function storeOver(kept: Map<string, string> = new Map()) {
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  };
  const asked: string[] = [];
  const api: SessionApi = {
    choices: () => Promise.reject(new Error("not asked")),
    loginCode: () => Promise.reject(new Error("not asked")),
    begin: async () => ({ pageKey: "key-1", holder: HOLDER }),
    async renew(pageKey) {
      asked.push(`renew ${pageKey}`);
      return { ...HOLDER, expiresAt: "2030-01-02T00:00:00.000Z" };
    },
    async end(pageKey) {
      asked.push(`end ${pageKey}`);
    },
  };
  let now = 0;
  const store = createSessionStore(storage, api, () => now);
  const useAt = (at: number) => {
    now = at;
    store.use();
  };
  let told = 0;
  store.subscribe(() => {
    told++;
  });
  return { store, kept, asked, useAt, told: () => told };
}

it("a reload and another tab have the session, with the environment that was visited last", () => {
  const { store, kept } = storeOver();
  store.begin(SESSION, SCOPE);
  store.visit("staging");
  const expected = { ...SESSION, scope: { ...SCOPE, envName: "staging" } };
  expect(storeOver(kept).store.state().session).toEqual(expected);
});

it("the sign-out forgets the session at once, and then tells the service", async () => {
  const { store, kept, asked, told } = storeOver();
  store.begin(SESSION, SCOPE);
  const ended = store.end();
  expect([store.state(), kept.size, told()]).toEqual([{ session: null, notice: null }, 0, 2]);
  await ended;
  expect(asked).toEqual(["end key-1"]);
});

it("a refused page key ends its own session, says why, and never a later one", () => {
  const { store, kept } = storeOver();
  store.begin(SESSION, SCOPE);
  store.begin({ pageKey: "key-2", holder: HOLDER }, SCOPE);
  store.expire("key-1");
  expect(store.state().session?.pageKey).toBe("key-2");
  store.expire("key-2");
  expect(store.state().session).toBeNull();
  expect(store.state().notice).toMatch(/expired, somebody ended it, or its token ended\.$/);
  expect(kept.size).toBe(0);
});

it("a tab whose session ended has the one that another tab began meanwhile", () => {
  const { store, kept } = storeOver();
  store.begin(SESSION, SCOPE);
  kept.set(SESSION_KEY, JSON.stringify({ ...SESSION, pageKey: "key-2" }));
  store.expire("key-1");
  expect(store.state()).toMatchObject({ session: { pageKey: "key-2" }, notice: null });
});

it("a tab notices that another one signed in, signed out, or only went to another environment", () => {
  const { store, kept, told } = storeOver();
  store.begin(SESSION, SCOPE);
  kept.set(SESSION_KEY, JSON.stringify({ ...SESSION, scope: { ...SCOPE, envName: "staging" } }));
  store.recheck();
  expect([store.state().session, told()]).toEqual([SESSION, 1]);
  kept.clear();
  store.recheck();
  expect([store.state().session, told()]).toEqual([null, 2]);
});

it("use renews the session at most once an hour in all tabs, also if no page is open for so long", async () => {
  const first = storeOver();
  first.store.begin(SESSION, SCOPE);
  for (const at of [0, HOUR_MS - 1]) first.useAt(at);
  expect(first.asked).toEqual([]);
  const second = storeOver(first.kept);
  second.useAt(HOUR_MS);
  first.useAt(HOUR_MS + 1);
  expect([first.asked, second.asked]).toEqual([[], ["renew key-1"]]);
  await Promise.resolve();
  expect(storeOver(first.kept).store.state().session?.holder.expiresAt).toBe("2030-01-02T00:00:00.000Z");
  first.useAt(2 * HOUR_MS);
  expect(first.asked).toEqual(["renew key-1"]);
});

it("use renews the session if the clock has stepped back", () => {
  const { store, asked, useAt } = storeOver();
  useAt(10 * HOUR_MS);
  store.begin(SESSION, SCOPE);
  useAt(HOUR_MS);
  expect(asked).toEqual(["renew key-1"]);
});

it("nobody who is signed out asks for a renewal, and no session of ROOT_TOKEN", () => {
  const { store, asked, useAt } = storeOver();
  useAt(HOUR_MS);
  store.begin({ pageKey: "key-1", holder: { ...HOLDER, id: null } }, SCOPE);
  useAt(3 * HOUR_MS);
  expect(asked).toEqual([]);
});

it("a storage that somebody broke is no session", () => {
  expect(storeOver(new Map([[SESSION_KEY, "{"]])).store.state().session).toBeNull();
});
