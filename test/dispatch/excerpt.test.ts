import { describe, expect, it } from "vitest";
import { ANSWER_READ_MAX_BYTES, EXCERPT_MAX_CHARACTERS, excerptOf } from "../../src/dispatch/excerpt.ts";
import { type SentRequest, secretsOf } from "../../src/dispatch/request-secrets.ts";

const HMAC = "0123456789abcdef".repeat(4);
const RUN_ID = "019c0e5a-1800-8000-8000-000000000000";
const PASSWORD = `p<ä>"s's\\w/0&rd+%1 !`;
const BODY = {
  ref: "main",
  event: "deploy-everything",
  script: "first line\n\tsecond line",
  apiKey: "k-9",
  pin_token: 987654,
  auth: { list: ["xyz", "?>?>~~\u{ff}~"] },
  inputs: { quoted: 'say "hello" & <bye>', emoji: "rocket \u{1f680} launch" },
};
const REQUEST: SentRequest = {
  url: "https://ci.example/hooks/T0000-B1111-zXcVbNm/run?access=q%2Fu%20ery%2Dsecret&flag=on&wholeSecretKey",
  headers: {
    Authorization: `Basic ${btoa("jenkins:11abcdef:0123")}`,
    "PRIVATE-TOKEN": "glpat-AbCdEf123456",
    "X-Auth": 'Token id=abcd, token="tok-55667788"',
    "X-Pass": PASSWORD,
    Accept: "application/json",
    "User-Agent": "action-runs",
  },
  body: JSON.stringify(BODY),
  signingSecret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  callbackToken: `${RUN_ID}:1893456000000:${HMAC}`,
};
const SIGNATURE = "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=";
const SECRETS = secretsOf(REQUEST, SIGNATURE);
const CALLBACK_URL = `https://runs.example/acme/shop/envs/production/action-runs/${RUN_ID}/callback`;
const KNOWN = ["https://", "http://", "ci.example", CALLBACK_URL];

/** What no echo may show, as plain as it can be. */
const PLAIN = [
  "/hooks/T0000-B1111-zXcVbNm/run",
  "T0000-B1111-zXcVbNm",
  "q/u ery-secret",
  "q%2Fu%20ery%2Dsecret",
  "wholeSecretKey",
  btoa("jenkins:11abcdef:0123"),
  "jenkins:11abcdef:0123",
  "11abcdef:0123",
  "glpat-AbCdEf123456",
  "tok-55667788",
  PASSWORD,
  "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  REQUEST.callbackToken,
  HMAC,
  SIGNATURE.slice(3),
  "k-9",
  "xyz",
  "?>?>~~\u{ff}~",
  "987654",
  "deploy-everything",
  "first line\n\tsecond line",
  'say "hello" & <bye>',
  "rocket \u{1f680} launch",
];

const encoder = new TextEncoder();
const show = (answer: string | Uint8Array, secrets = SECRETS, isCut = false) =>
  excerptOf(typeof answer === "string" ? encoder.encode(answer) : answer, isCut, secrets, KNOWN);
const only = (...texts: string[]) => ({ texts, wholes: [] });

const json = (text: string) => JSON.stringify(text).slice(1, -1);
const each = (text: string, spell: (code: number) => string) =>
  [...text].map((letter) => spell(letter.codePointAt(0) ?? 0)).join("");
const hexOf = (code: number, digits: number) => code.toString(16).padStart(digits, "0");
const html = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
const named = (text: string) =>
  html(text).replaceAll("+", "&plus;").replaceAll("=", "&equals;").replaceAll("/", "&sol;");
const base64 = (text: string) => encoder.encode(text).toBase64();
const utf16 = (text: string) =>
  Uint8Array.from(text.split("").flatMap((unit) => [unit.charCodeAt(0) & 255, unit.charCodeAt(0) >> 8]));
/** As escapes of UTF-16 units, which is how JSON writes what is beyond them. */
const units = (text: string, spell: (unit: number) => string) =>
  Array.from({ length: text.length }, (_, at) => spell(text.charCodeAt(at))).join("");

const SPELLINGS: Readonly<Record<string, (text: string) => string>> = {
  "as it is": (text) => text,
  "in capitals": (text) => text.toUpperCase(),
  "in JSON": json,
  "in JSON in JSON": (text) => json(json(text)),
  "in JSON in JSON in JSON in JSON": (text) => json(json(json(json(text)))),
  "in JSON with slashes escaped": (text) => json(text).replaceAll("/", "\\/"),
  "in JSON, every character escaped": (text) => units(text, (unit) => `\\u${hexOf(unit, 4).toUpperCase()}`),
  "in JavaScript, every character escaped": (text) => each(text, (code) => `\\u{${hexOf(code, 1)}}`),
  "in HTML": html,
  "in HTML with names": named,
  "in HTML, every character as a decimal number": (text) => each(text, (code) => `&#${code};`),
  "in HTML, every character as a hexadecimal number": (text) => each(text, (code) => `&#x${hexOf(code, 2)};`),
  "in percent": encodeURIComponent,
  "in percent twice": (text) => encodeURIComponent(encodeURIComponent(text)),
  "in percent, every byte": (text) => [...encoder.encode(text)].map((byte) => `%${hexOf(byte, 2)}`).join(""),
  "in a form": (text) => new URLSearchParams({ v: text }).toString().slice(2),
  "in percent in HTML in JSON": (text) => json(named(encodeURIComponent(text))),
  "in JSON in percent in HTML": (text) => each(encodeURIComponent(json(text)), (code) => `&#${code};`),
  "in base64": base64,
  "in base64url": (text) => encoder.encode(text).toBase64({ alphabet: "base64url", omitPadding: true }),
  "in folded base64": (text) => base64(text).replace(/.{5}(?=.)/g, "$&\r\n"),
  "in base64 in percent in JSON": (text) => json(encodeURIComponent(base64(text))),
  "in base64 of JSON": (text) => base64(JSON.stringify({ got: text })),
  "in base64 of a longer text": (text) => base64(`one ${text} two`),
  "in base64 of base64": (text) => base64(base64(text)),
  "in hexadecimal": (text) => encoder.encode(text).toHex(),
  "in a list of bytes": (text) => JSON.stringify([...encoder.encode(text)]),
  "over many lines": (text) => [...text].join("\r\n\t"),
};

describe("an answer that contains a secret is not shown", () => {
  const rows = PLAIN.flatMap((secret) => Object.keys(SPELLINGS).map((spelling) => ({ secret, spelling })));
  it.each(rows)("$secret $spelling", ({ secret, spelling }) => {
    const spell = SPELLINGS[spelling] ?? String;
    expect(show(`~~${spell(secret)}~~`)).toBeNull();
  });

  it.each(PLAIN)("%s in UTF-16", (secret) => {
    const answer = `~~${secret}~~`;
    expect(show(utf16(answer))).toBeNull();
    expect(show(utf16(`\ufeff${answer}`))).toBeNull();
    // The other byte order, without and with the mark that says so.
    for (const text of [answer, `\ufeff${answer}`]) {
      const bigEndian = utf16(text.split("").reverse().join("")).reverse();
      expect(show(bigEndian)).toBeNull();
    }
  });

  it.each(
    [
      ["\\u002B", "\\u002b", "&#43;", "&#x2B;", "%2B", "%252B", "&plus;"],
      ["\\u003D", "\\x3d", "&#61;", "&#x3D;", "%3D", "%253D", "&equals;"],
      ["\\u002F", "\\/", "&#47;", "&#x2F;", "%2F", "%252F", "&sol;"],
    ].flat(),
  )("with %s for one of its characters", (spelled) => {
    const character = /2b|43|plus/i.test(spelled) ? "+" : /3d|61|eq/i.test(spelled) ? "=" : "/";
    const secret = `k${character}9${character}z`;
    expect(show(`no such key: ${secret.replaceAll(character, spelled)}`, only(secret))).toBeNull();
  });

  it.each([0, 1, 2])("%d bytes into base64, of which a part alone is a secret", (before) => {
    const whole = base64(`${"x".repeat(before)}${HMAC}`);
    for (let from = 0; from < 8; from++) expect(show(`got ${whole.slice(from, from + 20)}`)).toBeNull();
  });
});

describe("a piece of a secret", () => {
  it("of 8 characters counts as the secret, and of 7 does not", () => {
    const secret = "Zebra-Quilt+94/Mango";
    for (let from = 0; from + 8 <= secret.length; from++) {
      expect(show(`<${secret.slice(from, from + 8)}>`, only(secret))).toBeNull();
      expect(show(`<${secret.slice(from, from + 7)}>`, only(secret))).toBe(
        `<${secret.slice(from, from + 7)}>`,
      );
    }
  });

  it.each(["pin", "a b", "k-9", "hunter2"])("%s is one only as a whole", (secret) => {
    expect(show(`is ${secret}!`, only(secret))).toBeNull();
    expect(show(`is ${secret.slice(0, -1)}!`, only(secret))).toBe(`is ${secret.slice(0, -1)}!`);
  });

  it("counts anywhere in the part that was read, although only the beginning would be shown", () => {
    expect(show(`${"~ ".repeat(2000)}${HMAC.slice(0, 8)}`)).toBeNull();
  });

  it("does not count if every reader of the run knows it: the id, the callback URL, the receiver's host", () => {
    for (const text of [RUN_ID, CALLBACK_URL, "https://ci.example/docs"]) {
      const body = JSON.stringify({ callbackUrl: CALLBACK_URL, id: RUN_ID, at: "2026-11-25T13:21:48.373Z" });
      expect(show(`about ${text}`, secretsOf({ ...REQUEST, body }, ""))).toBe(`about ${text}`);
    }
  });
});

describe("splitting does not hide a secret", () => {
  it.each([
    ["NUL", "\0"],
    ["a line feed", "\n"],
    ["many blanks", " \t\u00a0\u3000 "],
    ["a zero-width space", "\u200b"],
    ["a joiner and a byte order mark", "\u200d\ufeff"],
    ["a right-to-left override", "\u202e"],
    ["a soft hyphen", "\u00ad"],
    ["a Hangul filler", "\u3164"],
    ["a line separator", "\u2028"],
    ["a private character", "\ue000"],
    ["a replacement character", "\ufffd"],
    ["a backslash", "\\"],
  ])("%s", (_, separator) => {
    expect(show(`a ${[..."sEc-ret"].join(separator)} b`, only("sec-RET"))).toBeNull();
    expect(show("a sec-ret b", only([..."sec-ret"].join(separator)))).toBeNull();
  });

  it("bytes that are no UTF-8", () => {
    expect(show(Uint8Array.of(0x73, 0x65, 0xff, 0x63, 0xc3, 0x72, 0x2e), only("secr"))).toBeNull();
    expect(
      show(
        Uint8Array.of(0x4b, 0xf6, 0x6c, 0x6e, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36),
        only("K\u00f6ln123456"),
      ),
    ).toBeNull();
  });
});

describe("what a person needs is shown", () => {
  it.each([
    "Bad credentials",
    "Missing Bearer or Basic or Token, want application/json from action-runs",
    "No ref found for: main, flag on",
    '{"message":"Workflow does not have \'workflow_dispatch\' trigger","status":"422"}',
    '{"message":"Not Found","documentation_url":"https://docs.github.com/rest/actions/workflows","status":"404"}',
    '{"timestamp":"2026-11-25T13:21:48.373Z","status":503,"error":"Service Unavailable"}',
    "<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1><hr><center>nginx/1.27.0</center></body></html>",
    "commit 3f786850e387550fdab836ed7e6dc881de23001b not found",
    "100% of &c. is C:\\temp\\x",
    "Größe 日本語 \u{1f680}",
    "[]",
  ])("%s", (text) => expect(show(text)).toBe(text));
});

describe("the length", () => {
  const MAX = EXCERPT_MAX_CHARACTERS;
  it.each([
    ["ends at the limit", "é".repeat(MAX), false, "é".repeat(MAX)],
    ["is cut beyond it", "é".repeat(MAX + 1), false, `${"é".repeat(MAX - 1)}…`],
    ["counts code points", "\u{1f680}".repeat(600), false, `${"\u{1f680}".repeat(MAX - 1)}…`],
    ["says that more came", "short", true, "short…"],
    ["is nothing for nothing", "", false, ""],
    ["is nothing for blanks", " \r\n\0\u200b ", false, ""],
  ])("%s", (_, text, isCut, expected) => {
    expect(show(text, only(), isCut)).toBe(expected);
  });
});

describe("bytes of any kind", () => {
  it("make one line without control, hidden or half characters, or nothing", async () => {
    const garbage = Uint8Array.from(
      { length: ANSWER_READ_MAX_BYTES },
      (_, at) => (at * 151 + (at >> 3) * 89) % 256,
    );
    const gzip = new Response("hello ".repeat(2000)).body?.pipeThrough(new CompressionStream("gzip"));
    const zipped = new Uint8Array(await new Response(gzip).arrayBuffer());
    const hidden = encoder.encode("\u001b[31m\u202eab\u2066c\u2029d\u{e0041}e\u0085f\u061c");
    for (const bytes of [garbage, zipped, hidden, zipped.subarray(0, 11), Uint8Array.of(0xf0, 0x9f)]) {
      for (const isCut of [true, false]) {
        const shown = show(bytes, SECRETS, isCut) ?? "";
        expect(shown).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]| {2}/u);
        expect([...shown].length).toBeLessThanOrEqual(EXCERPT_MAX_CHARACTERS);
      }
    }
    expect(show(hidden, only())).toBe("[31mabc de f");
  });

  it("with more layers of encoding than the bounds allow are not shown", () => {
    expect(show(`%${"25".repeat(5)}41`, only())).toBe(`%${"25".repeat(5)}41`);
    expect(show(`%${"25".repeat(6)}41`, only())).toBeNull();
  });
});

describe("what counts as a secret", () => {
  it("excludes harmless headers, schemes and short words of a body", () => {
    for (const harmless of ["application/json", "action-runs", "Basic", "Token", "main", "acme"]) {
      expect(SECRETS.texts).not.toContain(harmless);
    }
  });

  it("includes members of a body named `__proto__` and the like", () => {
    const body =
      '{"__proto__":{"secret":"s3c"},"constructor":{"toString":"long-enough"},"hasOwnProperty":"longer-still"}';
    const headers = JSON.parse('{"__proto__":"proto-value","constructor":"constructor-value"}');
    const secrets = secretsOf({ ...REQUEST, body, headers }, "");
    for (const secret of ["s3c", "long-enough", "longer-still", "proto-value", "constructor-value"])
      expect(show(`<${secret}>`, secrets)).toBeNull();
  });

  it("includes a form's values, encoded and decoded", () => {
    const body = "token=a%20b%2Fc&variables%5BX%5D=some+longer+value&odd=%6Co%6eger%2Dstill&ref=main";
    const secrets = secretsOf({ ...REQUEST, body }, "");
    for (const echo of [
      ...["a b/c", "a%20b%2fc", "some longer value", "some+longer+value", "some%20longer%20value"],
      ...["%6Co%6eger%2Dstill", "longer-still", body],
    ]) {
      expect(show(`got ${echo}!`, secrets)).toBeNull();
    }
    expect(show("no ref main here", secrets)).toBe("no ref main here");
  });

  it.each([
    ["nothing", ""],
    ["JSON that stops", '{"token":"abc'],
    ["a stray percent", "token=%&%zz=%E0%A4%A"],
    ["half a surrogate pair", '{"token":"a\\ud800b","text":"\\udfff \\ud83d long enough"}'],
    ["half a pair as it is", "\ud800=\udfff"],
    ["null", "null"],
    ["a number", "12"],
    ["many brackets", "[".repeat(200_000)],
    ["deep JSON", `${"[".repeat(5000)}"deep-down-here"${"]".repeat(5000)}`],
    ["many ampersands", "&=".repeat(100_000)],
  ])("never throws: %s", (_, body) => {
    for (const url of [REQUEST.url, "", "https://", "not an address", "https://x.example/%?%=%&\ud800"]) {
      const headers = { authorization: "Basic !!!", "x-odd": '\ud800=;,"=', "": "" };
      const secrets = secretsOf({ url, headers, body, signingSecret: "", callbackToken: "" }, "");
      expect(show(body, secrets)?.length ?? 0).toBeLessThanOrEqual(EXCERPT_MAX_CHARACTERS);
    }
  });

  it("costs work by the bytes of the request, not by the number of secrets", () => {
    const body = Array.from({ length: 330_000 }, (_, at) => `${at % 10}`).join("&");
    const words = JSON.stringify(Array.from({ length: 40_000 }, (_, at) => `word-${100_000 + at}`));
    for (const sent of [body, words]) {
      const { texts } = secretsOf({ ...REQUEST, headers: {}, body: sent }, "");
      expect(texts.length).toBeLessThan(20);
      expect(texts.join("").length).toBeLessThan(sent.length + 500);
    }
  });
});
