/**
 * A value that is put into a URL's path stays between the slashes of its place, however often a receiver decodes the
 * path.
 */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LaterText } from "../../src/webhooks/response.ts";
import { renderUrl } from "../../src/webhooks/template.ts";
import { trigger } from "../../src/webhooks/trigger.ts";
import { filledStopRequest } from "../../src/webhooks/trigger-requests.ts";

const RUN = {
  id: "run-1",
  actionName: "deploy",
  triggeredBy: "ci",
  createdAt: "2026-01-01T00:00:00.000Z",
  callbackUrl: "https://runs.example/callback",
  callbackToken: "token",
  expiresAt: "later",
  timeoutSeconds: 60,
  traceparent: null,
};

interface Values {
  readonly a: string;
  readonly b: string;
}

/** The URL of `path` with the values as parameters, or the fault. */
function rendered(path: string, values: Partial<Values>): string {
  const context = { run: RUN, parameters: { ...values }, recommendations: {}, entity: { id: null } };
  const template = `https://ci.example.com${path.replaceAll(/\{(\w)\}/g, "{{ parameters.$1 }}")}`;
  const url = renderUrl(template, context);
  return url.ok ? url.value.slice("https://ci.example.com".length) : url.error;
}

/** The URL of a stop request with the values as those of the response, or the reason why nothing is sent. */
function stopped(path: string, values: Partial<Values>): string {
  const pieces = `https://ci.example.com${path}`.split(/\{(\w)\}/);
  const url: LaterText = pieces.map((piece, n) => (n % 2 === 0 ? piece : [piece, "url"]));
  const request = { signingSecret: null, origin: "https://runs.example" };
  const stop = { ...request, method: "POST" as const, url, headers: [], body: ["{}"] };
  const filled = filledStopRequest(stop, Object.entries(values));
  return filled.ok ? filled.value.url.slice("https://ci.example.com".length) : filled.error;
}

describe("an ordinary value goes into a path", () => {
  it.each([
    "main",
    "feature/x",
    "release\\1",
    "v1.2.3",
    "a..b",
    ".hidden",
    "..hidden",
    "hidden..",
    "...",
    "x/...",
    "a/.b/c.",
    "100%",
    "100%25",
    "50%/x",
    "%zz",
    "a;b",
    "a b",
    "#12?&=",
    "~/x",
    "/x",
    "x/",
    "a//b",
    "Größe",
    "日本",
    "🚀",
    "é/ü",
    "caf%e9",
    "caf%c3%a9",
    "%f0%9f%9a%80",
    "a%2Fb",
    "%2541",
    "-",
    "0",
    "\u00ad",
  ])("%s", (a) => {
    expect(rendered("/job/{a}/build", { a })).toBe(`/job/${encodeURIComponent(a)}/build`);
    expect(stopped("/job/{a}/build", { a })).toBe(`/job/${encodeURIComponent(a)}/build`);
  });
});

describe("a value with a part . or .. is refused in a path", () => {
  const TEMPLATES = ["/job/{a}/build", "/{a}", "/job/x-{a}", "/job/{a};v=1/build", "/job/{a}?x#y"];
  const VALUES = [
    "../../admin/x/",
    "x/../y",
    "x/..",
    "x/.",
    "./x/..",
    "x\\..\\y",
    "..;/..",
    "x;..",
    "x/..;v=1/y",
    "x/.;",
    // A proxy that decodes before it looks for the query.
    "x/..?",
    "x/..#",
    "x/..?y",
    "x/..%23y",
    "x/.?x/",
    "x%2f..",
    "x%2F%2e%2E%2f",
    "x/%2e%2e",
    "x%5c..",
    "x%3b..",
    "x/%252e%252e/",
    "x%25252f..",
    "x%%32%66..",
    // Overlong UTF-8, which old decoders read as ASCII, and the escapes of one product.
    "x/%c0%ae%c0%ae/",
    "x%C0%AF%c0%ae",
    "x%c1%9c",
    "x%e0%80%af..",
    "x%f0%80%80%af",
    "x%u002e",
    "x%u002F..",
  ];
  it.each(VALUES)("%j", (a) => {
    for (const path of TEMPLATES) {
      expect([path, rendered(path, { a })]).toEqual([path, "dot_segment"]);
      expect([path, stopped(path, { a })]).toEqual([path, "a value of the response would leave the URL's path"]);
    }
  });

  it.each<[string, Partial<Values>]>([
    ["/job/{a}{b}/build", { a: ".", b: "." }],
    ["/job/{a}{b}/build", { a: "x/.", b: "./y" }],
    ["/job/.{a}/build", { a: "." }],
    ["/job/.{a}/build", { a: "./x" }],
    ["/job/x%2f{a}/build", { a: ".." }],
    ["/job/{a}2e{b}/build", { a: "%", b: "." }],
    ["/job/{a}2f{b}/build", { a: "x%", b: ".." }],
    ["/job/%2e{a}", { a: "." }],
    ["/job/%252e{a}/build", { a: "." }],
    ["/job/{a}/build", { a: "..?" }],
    ["/job/{a}/build", { a: ".#x" }],
  ])("%s with %j, because of what stands beside it", (path, values) => {
    expect(rendered(path, values)).toBe("dot_segment");
    expect(stopped(path, values)).toBe("a value of the response would leave the URL's path");
  });
});

describe("a value with a control character is refused in a path", () => {
  it.each(["a\nb", "\u0000", "a\u007f", "\u0085", "a%00", "%0d%0aX: 1", "%250a", "%C2%85"])("%j", (a) => {
    expect(rendered("/job/{a}/build", { a })).toBe("control_character");
    expect(stopped("/job/{a}/build", { a })).toBe(
      "a value of the response has a control character, which the URL's path can't have",
    );
  });
});

describe("a value that leaves nothing between two slashes is refused", () => {
  it.each<[string, Partial<Values>]>([
    ["/job/{a}/build", {}],
    ["/job/{a}/build", { a: "" }],
    ["/job/{a}{b}/build", { a: "" }],
    ["/job/{a};v=1/build", { a: "" }],
    ["/{a}/build", { a: "" }],
    ["/job/{a}/?x", { a: "" }],
  ])("%s with %j", (path, values) => {
    expect(rendered(path, values)).toBe("empty_segment");
  });

  it.each(["/", "//", "\\", ";x", "/;", "%2f", "%5C", "%253b"])("%j, which counts as nothing", (a) => {
    expect(rendered("/job/{a}/build", { a })).toBe("empty_segment");
    expect(stopped("/job/{a}/build", { a })).toBe(
      "a value of the response leaves nothing between two slashes of the URL's path",
    );
  });

  it.each([
    ["/job/x{a}/build", "/job/x/build"],
    ["/job/{a}", "/job/"],
    ["/job/{a}?x", "/job/?x"],
    ["/job//x/{b}/build", "/job//x/b/build"],
    ["/job/x?at={a}/build", "/job/x?at=/build"],
  ])("but not in %s, where no slash follows or other text stands", (path, expected) => {
    expect(rendered(path, { a: "", b: "b" })).toBe(expected);
  });
});

it.each(["../..", "..", "/", "", "a\nb", "%2e%2e/", "%c0%ae", ";"])("a query takes any value: %j", (a) => {
  expect(rendered("/job?at={a}", { a })).toBe(`/job?at=${encodeURIComponent(a)}`);
  expect(stopped("/job?at={a}&b=/../", { a })).toBe(`/job?at=${encodeURIComponent(a)}&b=/../`);
});

/** The names in a path for a receiver that decodes first, drops `;…`, merges slashes and resolves dots. */
function leniently(path: string, decodings: number): readonly string[] {
  let text = path.split(/[?#]/)[0] ?? "";
  for (let n = 0; n < decodings; n++) {
    text = text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (run) => {
      const bytes = run
        .slice(1)
        .split("%")
        .map((hex) => Number.parseInt(hex, 16));
      return new TextDecoder().decode(new Uint8Array(bytes));
    });
  }
  const names: string[] = [];
  for (const segment of text.split(/[/\\]/)) {
    const [name = ""] = segment.split(";");
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return names;
}

it("whatever the values are, the other names of the path stay as many, in order, with something between them", () => {
  const piece = fc.constantFrom(
    ".",
    "..",
    "/",
    "\\",
    ";",
    "%",
    "2",
    "5",
    "c",
    "e",
    "f",
    "25",
    "2e",
    "2f",
    "%2e",
    "%2F",
    "%252e",
    "%5c",
    "%3B",
    "a",
    "\u0000",
    "\n",
    "é",
    "🚀",
    "\ud800",
    "?",
    "#",
    "",
    "x=1",
  );
  const text = fc.oneof(
    fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join("")),
    fc.string({ unit: "binary" }),
  );
  // Names in capitals, which no value has that is made of the pieces.
  const templates = fc.constantFrom(
    "/JOB/{a}/{b}/BUILD",
    "/JOB/{a}{b}/BUILD",
    "/JOB/.{a}/BUILD/{b}",
    "/JOB/x%2f{a}.{b}/BUILD",
    "/JOB/{a}/BUILD/",
    "/JOB/{a}2e{b}/BUILD",
    "/JOB/{a};v={b}/BUILD",
    "/JOB/{a}/BUILD?{b}",
    "/JOB/%25{a}/{b}/BUILD/TOP",
  );
  const isName = (name: string) => /^(JOB|BUILD|TOP)$/.test(name);
  /** The names, and how many others stand before each of them. */
  const places = (names: readonly string[]) => {
    const found: { name: string; before: number }[] = [];
    let before = 0;
    for (const name of names) {
      if (isName(name)) found.push({ name, before });
      before = isName(name) ? 0 : before + 1;
    }
    return found;
  };
  let accepted = 0;
  const property = fc.property(templates, text, text, (template, a, b) => {
    fc.pre(!/[A-Z]{2}/.test(a + b));
    const wanted = places(leniently(template, 0));
    for (const path of [rendered(template, { a, b }), stopped(template, { a, b })]) {
      if (!path.startsWith("/")) continue;
      accepted++;
      for (const decodings of [0, 1, 2]) {
        const found = places(leniently(path, decodings));
        expect(found.map(({ name }) => name)).toEqual(wanted.map(({ name }) => name));
        for (const [n, { before }] of wanted.entries()) {
          // A value can have further slashes, but it can't take any away.
          if (before === 0) expect(found[n]?.before).toBe(0);
          else expect(found[n]?.before).toBeGreaterThanOrEqual(before);
        }
      }
    }
  });
  fc.assert(property, { seed: 20260131, numRuns: 1500 });
  expect(accepted).toBeGreaterThan(300);
});

it.each(["/evil.example", "\\evil.example", "//x", "%2fevil.example"])("%j does not begin the path of a URL", (a) => {
  expect(rendered("/{a}/build", { a })).toBe("empty_segment");
  expect(stopped("/{a}/build", { a })).toContain("leaves nothing between two slashes");
});

it.each(["/job/../x", "/job/%2e%2E/x", "/./x", "/job/..%2fx/{{ parameters.a }}", "/a%0ab", "/x/..;y/z", "/%c0%ae"])(
  "a path that the author wrote with a fault is refused when it is sent: %s",
  (path) => {
    const sent = { type: "webhook", url: `https://ci.example.com${path}` };
    const cancelled = { type: "webhook", url: "https://ci.example.com", cancel: { url: sent.url } };
    const linked = { type: "webhook", url: "https://ci.example.com", link: sent.url };
    for (const body of [sent, cancelled, linked]) {
      expect(trigger.safeParse(body).error?.issues[0]?.message).toMatch(/^The path has a part \. or \.\., .* Write /);
    }
  },
);

it.each(["/a//b", "/a..b/.c", "/a;v=1/", "//x", "/{{ parameters.a }}//x", "/?a=../b", "/#/../b"])(
  "a path that the author wrote without one is accepted: %s",
  (path) => {
    expect(trigger.safeParse({ type: "webhook", url: `https://ci.example.com${path}` }).success).toBe(true);
  },
);
