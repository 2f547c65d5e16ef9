/** A sign-in at the issuer, as far as the page decides: where it leads, and what the command line asks for. */

import { expect, it } from "vitest";
import { pageAt } from "../../src/console/pages.ts";
import {
  askedLogin,
  environmentOf,
  type Holder,
  leadsBack,
  returnTo,
  typedCharacters,
} from "../../src/console/session/sign-in.ts";

const SHOP = { project: "acme/shop", envName: null } as Holder;
const PROD = { project: "acme/shop", envName: "prod" } as Holder;

it.each([
  ["a page of the project", "/console/-/acme/shop/prod/runs?status=failed#output-L3", SHOP, true],
  ["a page of the environment", "/console/-/acme/shop/prod/runs", PROD, true],
  ["the command line's page", "/console/cli?challenge=x&port=1", SHOP, true],
  ["another environment", "/console/-/acme/shop/dev/runs", PROD, false],
  ["another project", "/console/-/acme/other/prod/runs", SHOP, false],
  ["the start page", "/console", SHOP, false],
  ["the page of the choice", "/console/sign-in", SHOP, false],
  ["no page", "/console/-/acme", SHOP, false],
  ["the API", "/acme/shop/tokens", SHOP, false],
  ["another host", "https://evil.example/console/-/acme/shop/prod/runs", SHOP, false],
  ["another host without a scheme", "//evil.example/console/-/acme/shop/prod/runs", SHOP, false],
  ["another host behind a backslash", "/\\evil.example/console/-/acme/shop/prod/runs", SHOP, false],
])("a sign-in leads back only to a page that it opens: %s", (_, to, holder, expected) => {
  expect(leadsBack(to, holder)).toBe(expected);
});

it("a sign-in opens the environment of the page where it began, if that is of the project", () => {
  const project = { o: "acme", p: "shop" };
  expect(environmentOf("/console/-/acme/shop/prod/runs?a=b", project)).toBe("prod");
  for (const to of ["/console/-/acme/other/prod/runs", "/console/-/acme/shop/tokens", "/console", "nonsense"]) {
    expect(environmentOf(to, project)).toBeNull();
  }
});

it("a sign-in begins with the path of the page, without its query if the service would refuse that", () => {
  const at = (pathname: string, search: string) => returnTo(pageAt(pathname), { pathname, search });
  expect(at("/console/-/acme/shop/prod/runs", "?status=failed")).toBe("/console/-/acme/shop/prod/runs?status=failed");
  expect(at("/console/-/acme/shop/prod/runs", `?entityId=${"x".repeat(500)}`)).toBe("/console/-/acme/shop/prod/runs");
  expect(at("/console/-/acme/shop/prod/runs", "?a=https://b")).toBe("/console/-/acme/shop/prod/runs");
  expect(at("/console/-/acme", "?a=b")).toBe("/console");
});

const CHALLENGE = "-_A".padEnd(43, "x");

it("the command line's page needs a challenge and a port", () => {
  const asked = (query: string) => askedLogin(new URLSearchParams(query));
  expect(asked(`challenge=${CHALLENGE}&port=4711`)).toEqual({ challenge: CHALLENGE, port: 4711 });
  for (const query of [
    "",
    `challenge=${CHALLENGE}`,
    `challenge=${CHALLENGE}&port=0`,
    `challenge=${CHALLENGE}&port=65536`,
    `challenge=${CHALLENGE}&port=80@evil.example`,
    `challenge=${CHALLENGE}x&port=4711`,
    "challenge=&port=4711",
  ]) {
    expect([query, asked(query)]).toEqual([query, null]);
  }
});

it("the six characters count in any case, with what people put between them", () => {
  expect(typedCharacters(" abc-2d7 ")).toBe("ABC2D7");
  for (const typed of ["", "ABC2D", "ABC2D77", "ABC2D0", "ABC2D1"]) expect(typedCharacters(typed)).toBeNull();
});
