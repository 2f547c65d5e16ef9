/** Our router gives every request the same handlers and parameters, in the same order, as Hono's own routers. */

import type { Result, Router } from "hono/router";
import { RegExpRouter } from "hono/router/reg-exp-router";
import { SmartRouter } from "hono/router/smart-router";
import { TrieRouter } from "hono/router/trie-router";
import { getPath } from "hono/utils/url";
import { describe, expect, it } from "vitest";
import { createApp } from "../../src/app.ts";
import { DEFINITION_NAME, PATH_NAME } from "../../src/base/limits.ts";
import { FixedAndPatternRouter } from "../../src/http/router.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", ""];

/** A handler is its index among the app's routes. */
const ROUTES = createApp().routes.map(({ method, path }, handler) => ({ method, path, handler }));
const PATHS = [...new Set(ROUTES.map(({ path }) => path))];

function withRoutes<R extends Router<number>>(router: R, routes = ROUTES): R {
  for (const { method, path, handler } of routes) router.add(method, path, handler);
  return router;
}

/** The paths with a fixed segment where another has a parameter. There our router knows nothing of the parameter. */
const FIXED_END = /\/action-runs\/(summary|facets|newest|changes)$/;
const AT_FIXED_END = ROUTES.filter(({ path }) => path.includes("*") || FIXED_END.test(path));

const ours = withRoutes(new FixedAndPatternRouter<number>());
/** Hono's default router and its trie, for all routes and for those with the fixed end. */
const defaults = {
  "Hono's default router": [ROUTES, AT_FIXED_END].map((routes) =>
    withRoutes(new SmartRouter<number>({ routers: [new RegExpRouter(), new TrieRouter()] }), routes),
  ),
  "the trie": [ROUTES, AT_FIXED_END].map((routes) => withRoutes(new TrieRouter<number>(), routes)),
};

interface Match {
  readonly handler: number;
  readonly params: Record<string, string>;
}

/** The same form for both kinds of a router's result. */
function plain(result: Result<number>): Match[] {
  const [matches, stash] = result;
  return matches.map(([handler, params]) => ({
    handler,
    params: Object.fromEntries(
      Object.keys(params)
        .sort()
        .flatMap((name) => {
          const value = params[name];
          const text = typeof value === "number" ? stash?.[value] : value;
          return text === undefined ? [] : [[name, text]];
        }),
    ),
  }));
}

/** A pattern with its parameters put in. */
function filled(pattern: string, name: string, other: string): string {
  return pattern
    .replaceAll(`{${PATH_NAME}}`, "")
    .replaceAll(`{${DEFINITION_NAME}}`, "")
    .replaceAll("{[1-9][0-9]{0,14}}", "")
    .replaceAll("{[0-9]{1,2}}", "")
    .replaceAll("{[A-Za-z0-9_-]{43}}", "")
    .replaceAll(/:(o|p|envName)(?=\/|$)/g, name)
    .replaceAll(/:\w+/g, other);
}

const GENUINE = PATHS.filter((path) => !path.includes("*")).flatMap((path) => [
  filled(path, "acme", "0199d2a5-1234-8001-8123-456789abcdef"),
  filled(path, "acme", "1"),
  filled(path, "acme", "x".repeat(43)),
  filled(path, "healthz", "docs"),
  filled(path, "action-runs", "tokens"),
  filled(path, "a".repeat(63), "x"),
  filled(path, "a".repeat(64), "x"),
  filled(path, "Acme", "x"),
  filled(path, "-", "x"),
  filled(path, "a%20b", "x"),
  filled(path, "%61cme", "%2e%2e"),
  filled(path, "acme", "a%2Fb"),
  filled(path, "acme", "%E4%BD%A0"),
  filled(path, "acme", "%ff"),
  filled(path, ":o", ":id"),
]);

/** As Hono passes them to a router: with percent-encoding decoded as far as Hono decodes it. */
const ASKED = [
  ...new Set(
    [
      ...GENUINE,
      ...GENUINE.flatMap((path) => [
        `${path}/`,
        `${path}//`,
        `/${path}`,
        `${path}/x`,
        path.slice(0, -1),
        path.replaceAll("/", "//"),
        path.replace(/^\//, "/%2F"),
        path.toUpperCase(),
        path.slice(0, path.lastIndexOf("/")),
        `${path}%00`,
        `${path}*x`,
      ]),
      "/",
      "//",
      "///",
      "/a",
      "/a/b",
      "/a/b/c/d/e/f/g",
      "/healthz/x",
      "/HEALTHZ",
      "/health%7a",
      "/healthz%2F",
      "/openapi.json/",
      "/openapi_json",
      "/tokens",
      "/acme/tokens",
      "/console/-/acme/shop/tokens",
      "/console/-/acme/action-runs/summary",
      "/console/-/acme/action-runs/facets",
      "/console/-/x",
      "/console/-/",
      "/console/-x/y",
      "/console/x",
      "/console/assets/x",
      "/databases/2/environments",
      "/databases/2/tokens",
      "/databases/shop/resync",
      "/databases/shop/envs/prod/resync",
      "/databases//resync",
      "/__proto__",
      "/constructor",
      "/__proto__/constructor/tokens",
    ].map((path) => getPath(new Request(`https://runs.example${path}`))),
  ),
];

describe.each(Object.entries(defaults))("against %s", (_name, [all, atFixedEnd]) => {
  it.each(METHODS)("gives every path the same handlers and parameters for %j", (method) => {
    for (const path of ASKED) {
      const theirs = FIXED_END.test(path) ? atFixedEnd : all;
      if (theirs === undefined) throw new Error("there is a router for each kind of path");
      const [mine, right] = [ours, theirs].map((router) => plain(router.match(method, path)));
      // `expect` would take most of the time of so many paths. It says what is different.
      if (JSON.stringify(mine) !== JSON.stringify(right)) expect([path, mine]).toEqual([path, right]);
    }
  });
});

it("takes a star in a path as a character, unlike Hono's trie", () => {
  for (const method of METHODS) {
    expect(plain(ours.match(method, "/*"))).toEqual(plain(ours.match(method, "/x")));
  }
});

it("the tested paths reach every route", () => {
  const answered = new Set<number>();
  for (const method of METHODS) {
    for (const path of ASKED) {
      for (const { handler } of plain(ours.match(method, path))) answered.add(handler);
    }
  }
  expect(ROUTES.filter(({ handler }) => !answered.has(handler))).toEqual([]);
});

it("matches every route with Hono's fastest router", () => {
  // A router refuses a path that it can't hold when the path is added, or when the first request is matched.
  for (const method of METHODS) {
    for (const path of ["/healthz", "/acme/shop/tokens"]) {
      expect(() => withRoutes(new FixedAndPatternRouter<number>()).match(method, path)).not.toThrow();
    }
  }
});

it("no fixed path also matches a pattern", () => {
  const fixed = PATHS.filter((path) => !path.includes(":") && !path.includes("*"));
  const patterns = new TrieRouter<number>();
  for (const { path, handler } of ROUTES) if (path.includes(":")) patterns.add("GET", path, handler);
  expect(fixed.length).toBeGreaterThan(3);
  for (const path of fixed) expect([path, plain(patterns.match("GET", path))]).toEqual([path, []]);
});

it.each(["summary", "facets", "newest", "changes"])(
  "the fixed end %s wins over a parameter, with its own methods",
  (end) => {
    const path = `/acme/shop/envs/prod/action-runs/${end}`;
    const routesOf = (method: string) =>
      plain(ours.match(method, path)).flatMap(({ handler }) => (ROUTES[handler] ? [ROUTES[handler].path] : []));
    for (const method of ["GET", "DELETE"]) {
      const patterns = new Set(routesOf(method).filter((pattern) => !pattern.includes("*")));
      expect([method, [...patterns].map((pattern) => pattern.endsWith(`/${end}`))]).toEqual([method, [true]]);
    }
  },
);
