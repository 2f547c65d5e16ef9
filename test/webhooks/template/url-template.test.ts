/**
 * The template of a URL: placeholders stand only in path and query, and a value that is put into the path stays between
 * the slashes of its place, however often a receiver decodes the path.
 */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { URL_MAX_CHARACTERS } from "../../../src/base/limits.ts";
import type { LaterText } from "../../../src/webhooks/response.ts";
import { checkUrlTemplate, renderUrl } from "../../../src/webhooks/template.ts";
import { trigger } from "../../../src/webhooks/trigger.ts";
import { filledStopRequest } from "../../../src/webhooks/trigger-requests.ts";
import { words } from "../../support/words.ts";
import { contextWith } from "./template-context.ts";

const HOST = "https://ci.example.com";

interface Values {
  readonly a: string;
  readonly b: string;
}

/** What follows the host, with the values as parameters; or the fault. */
function rendered(path: string, values: Partial<Values>): string {
  const template = `${HOST}${path.replaceAll(/\{(\w)\}/g, "{{ parameters.$1 }}")}`;
  const url = renderUrl(template, contextWith({ ...values }));
  return url.ok ? url.value.slice(HOST.length) : url.error;
}

/** The same of a stop request, with the values as those of the response; or the reason why nothing is sent. */
function stopped(path: string, values: Partial<Values>): string {
  const pieces = `${HOST}${path}`.split(/\{(\w)\}/);
  const url: LaterText = pieces.map((piece, n) => (n % 2 === 0 ? piece : [piece, "url"]));
  const request = { signingSecret: null, origin: "https://runs.example" };
  const stop = { ...request, method: "POST" as const, url, headers: [], body: ["{}"] };
  const filled = filledStopRequest(stop, Object.entries(values));
  return filled.ok ? filled.value.url.slice(HOST.length) : filled.error;
}

describe("placeholders stand in path and query only", () => {
  it.each([
    "https://ci.example/{{ parameters.x }}",
    "https://ci.example:8443/job/{{ parameters.x }}/run?a={{ entity.id }}&b=1",
    "HTTP://ci.example?{{ parameters.x }}",
    "https://ci.example\\{{ parameters.x }}",
    "https://user:password@ci.example/{{ parameters.x }}",
    "https://ci.example/%25{{ parameters.x }}",
    "https://ci.example/plain#here",
  ])("%s is accepted", (template) => expect(checkUrlTemplate(template)).toBeNull());

  it.each([
    // A URL parser takes what follows any number of slashes for the host.
    ...words(String.raw`{} {}://ci.example/ http{}://ci.example/ https://{} https://{}/hook https://ci.example{}/
      https://ci.example.{}/ https://ci.example:{}/ https://ci.example@{}/ https://{}@ci.example/ https:{}/ https:/{}/
      https:///{}/ https:\\\{}/ /{} //ci.example/{} ftp://ci.example/{}`).map((url) => [url, "scheme, host and port"]),
    // And drops tabs and line breaks before it looks.
    ["https://\t/{}/", "can't have blanks"],
    [" https://ci.example/{}", "can't have blanks"],
    ["https://ci.example/.\n./{}", "can't have blanks"],
    ["https://ci.example/{}/.. ", "can't have blanks"],
    ["https://ci.example/{}/\u0000", "can't have blanks"],
    ["https://ci.example/#{}", "what follows #"],
    ["https://ci.example#{}", "what follows #"],
    ["https://ci.example/%{}", "% escape"],
    ["https://ci.example/?a=%2{}", "% escape"],
  ] as [string, string][])("%j is refused: %s", (url, sentence) => {
    const template = url.replace("{}", "{{ parameters.x }}");
    expect(checkUrlTemplate(template)).toContain(sentence);
    expect(() => renderUrl(template, contextWith({}))).toThrow("never checked");
  });

  it("and no value leaves the host of its URL, or its place in the path", () => {
    const piece = fc.constantFrom(
      ...words("/ \\ ? # @ : a 1 . % é"),
      "\t",
      "{{ parameters.x }}",
      "{{ json parameters.x }}",
    );
    const template = fc.array(piece, { maxLength: 12 }).map((pieces) => `https://${pieces.join("")}`);
    const hostile = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("evil.example", "@evil/", "..", "/"));
    const property = fc.property(template, hostile, (some, x) => {
      fc.pre(checkUrlTemplate(some) === null);
      const plain = URL.parse(some.replaceAll(/\{\{ (json )?parameters.x \}\}/g, "x"));
      fc.pre(plain !== null);
      const result = renderUrl(some, contextWith({ x }));
      if (!result.ok) return;
      const url = new URL(result.value);
      expect([url.origin, url.username, url.hash]).toEqual([plain.origin, plain.username, plain.hash]);
      expect(url.pathname.split("/").length).toBe(plain.pathname.split("/").length);
    });
    fc.assert(property, { numRuns: 1000 });
  });
});

it.each<[string, unknown, string]>([
  ["/{x}", "?a#b\\c%2f&d=é😀", "/%3Fa%23b%5Cc%252f%26d%3D%C3%A9%F0%9F%98%80"],
  ["/{x}", "\ud800", "/%EF%BF%BD"],
  ["/?a={x}", "\r\nHost: evil", "/?a=%0D%0AHost%3A%20evil"],
  ["/?ref={x}&a=1", "a&b=c", "/?ref=a%26b%3Dc&a=1"],
  ["/?n={x}", 3, "/?n=3"],
  ["/?n={x}", null, "/?n="],
  ["/?n={x}", [1], "/?n=%5B1%5D"],
  ["/?n=../{x}/..", "..", "/?n=../../.."],
  ["/a?{x}", "/../", "/a?%2F..%2F"],
  ["/v1.{x}", ".", "/v1.."],
  ["/a#/../b", "", "/a#/../b"],
])("%s with %j becomes %s", (template, x, expected) => {
  const url = renderUrl(HOST + template.replace("{x}", "{{ parameters.x }}"), contextWith({ x }));
  expect(url).toEqual({ ok: true, value: HOST + expected });
});

it("the length of a URL counts encoded values, and the template's own text in UTF-8", () => {
  const room = (URL_MAX_CHARACTERS - "https://h/%C3%A9".length) / 2;
  const ofLength = (count: number) =>
    renderUrl(`https://h/{{ parameters.x }}${"é".repeat(count)}`, contextWith({ x: "é" }));
  expect([ofLength(room).ok, ofLength(room + 1)]).toEqual([true, { ok: false, error: "too_large" }]);
});

it.each([
  ...words(String.raw`main feature/x release\1 v1.2.3 a..b .hidden ..hidden hidden.. ... x/... a/.b/c. 100% 100%25 50%/x
    %zz a;b #12?&= ~/x /x x/ a//b Größe 日本 🚀 é/ü caf%e9 caf%c3%a9 %f0%9f%9a%80 a%2Fb %2541 - 0`),
  "a b",
  "\u00ad",
])("an ordinary value goes into a path: %s", (a) => {
  expect(rendered("/job/{a}/build", { a })).toBe(`/job/${encodeURIComponent(a)}/build`);
  expect(stopped("/job/{a}/build", { a })).toBe(`/job/${encodeURIComponent(a)}/build`);
});

describe("a value with a part . or .. is refused in a path", () => {
  const TEMPLATES = ["/job/{a}/build", "/{a}", "/job/x-{a}", "/job/{a};v=1/build", "/job/{a}?x#y"];
  it.each([
    ...words(String.raw`../../admin/x/ x/../y x/.. x/. ./x/.. x\..\y ..;/.. x;.. x/..;v=1/y x/.;`),
    // A proxy that decodes before it looks for the query.
    ...words("x/..? x/..# x/..?y x/..%23y x/.?x/"),
    ...words("x%2f.. x%2F%2e%2E%2f x/%2e%2e x%5c.. x%3b.. x/%252e%252e/ x%25252f.. x%%32%66.."),
    // Overlong UTF-8, which old decoders read as ASCII, and the escapes of one product.
    ...words("x/%c0%ae%c0%ae/ x%C0%AF%c0%ae x%c1%9c x%e0%80%af.. x%f0%80%80%af x%u002e x%u002F.."),
  ])("refuses %j in each path, also of a stop request", (a) => {
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
    ["/job\\{a}\\build", { a: ".." }],
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

it.each(["a\nb", "\u0000", "a\u007f", "\u0085", "a%00", "%0d%0aX: 1", "%250a", "%C2%85"])(
  "a value with a control character is refused in a path: %j",
  (a) => {
    expect(rendered("/job/{a}/build", { a })).toBe("control_character");
    const reason = "a value of the response has a control character, which the URL's path can't have";
    expect(stopped("/job/{a}/build", { a })).toBe(reason);
  },
);

describe("a value that leaves nothing between two slashes is refused", () => {
  it.each<[string, Partial<Values>]>([
    ["/job/{a}/build", {}],
    ["/job/{a}/build", { a: "" }],
    ["/job/{a}{b}/build", { a: "" }],
    ["/job/{a};v=1/build", { a: "" }],
    ["/{a}/build", { a: "" }],
    ["/job/{a}/?x", { a: "" }],
  ])("%s with %j", (path, values) => expect(rendered(path, values)).toBe("empty_segment"));

  it.each([...words(String.raw`/ // \ ;x /; %2f %5C %253b`)])("%j, which counts as nothing", (a) => {
    expect(rendered("/job/{a}/build", { a })).toBe("empty_segment");
    expect(stopped("/job/{a}/build", { a })).toContain("leaves nothing between two slashes of the URL's path");
  });

  it.each(words(String.raw`/evil.example \evil.example //x %2fevil.example`))(
    "%j, at the beginning of the path",
    (a) => {
      expect(rendered("/{a}/build", { a })).toBe("empty_segment");
      expect(stopped("/{a}/build", { a })).toContain("leaves nothing between two slashes");
    },
  );

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
    text = text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (run) =>
      new TextDecoder().decode(Uint8Array.fromHex(run.replaceAll("%", ""))),
    );
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
    ...words(String.raw`. .. / \ ; % 2 5 c e f 25 2e 2f %2e %2F %252e %5c %3B a é 🚀 ? # x=1`),
    "\u0000",
    "\n",
    "\ud800",
    "",
  );
  const text = fc.oneof(
    fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join("")),
    fc.string({ unit: "binary" }),
  );
  // Names in capitals, which no value has that is made of the pieces.
  const templates = fc.constantFrom(
    ...words(`/JOB/{a}/{b}/BUILD /JOB/{a}{b}/BUILD /JOB/.{a}/BUILD/{b} /JOB/x%2f{a}.{b}/BUILD /JOB/{a}/BUILD/
      /JOB/{a}2e{b}/BUILD /JOB/{a};v={b}/BUILD /JOB/{a}/BUILD?{b} /JOB/%25{a}/{b}/BUILD/TOP`),
  );
  /** The names, and how many others stand before each of them. */
  const places = (names: readonly string[]) => {
    const found: { name: string; before: number }[] = [];
    let before = 0;
    for (const name of names) {
      const isName = /^(JOB|BUILD|TOP)$/.test(name);
      if (isName) found.push({ name, before });
      before = isName ? 0 : before + 1;
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

it.each(["/job/../x", "/job/%2e%2E/x", "/./x", "/job/..%2fx/{{ parameters.a }}", "/a%0ab", "/x/..;y/z", "/%c0%ae"])(
  "a path that the author wrote with a fault is refused when it is sent: %s",
  (path) => {
    const sent = { type: "webhook", url: HOST + path };
    const cancelled = { type: "webhook", url: HOST, cancel: { url: sent.url } };
    const linked = { type: "webhook", url: HOST, link: sent.url };
    for (const body of [sent, cancelled, linked]) {
      expect(trigger.safeParse(body).error?.issues[0]?.message).toMatch(/^The path has a part \. or \.\., .* Write /);
    }
  },
);

it.each(["/a//b", "/a..b/.c", "/a;v=1/", "//x", "/{{ parameters.a }}//x", "/?a=../b", "/#/../b"])(
  "a path that the author wrote without one is accepted: %s",
  (path) => expect(trigger.safeParse({ type: "webhook", url: HOST + path }).success).toBe(true),
);
