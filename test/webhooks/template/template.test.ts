import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JSON_MAX_DEPTH, utf8Bytes } from "../../../src/base/limits.ts";
import type { Result } from "../../../src/base/result.ts";
import type { TemplateContext } from "../../../src/webhooks/placeholder.ts";
import {
  checkTemplate,
  checkUrlTemplate,
  pathsOf,
  renderJson,
  renderText,
  renderUrl,
} from "../../../src/webhooks/template.ts";
import { contextWith } from "./template-context.ts";

const KIB = 1024;
const ROOM = 64 * KIB;

/** The parameters are parsed, so that `__proto__` is a member like any other. */
const CONTEXT: TemplateContext = {
  ...contextWith(
    JSON.parse(`{
      "branch": "main", "replicas": 3, "dry": false, "nothing": null, "empty": "",
      "list": ["a", { "b": "c" }, [7]], "deep": { "er": { "est": 1.5 } }, "ключ-1": "ж",
      "looks": "{{ run.id }}", "quoted": "\\"\\\\\\n", "own": { "__proto__": "mine", "toString": "yours" }
    }`),
  ),
  recommendations: { size: { cpu: 2 } },
  entity: { id: "svc/1" },
};

function withParameters(parameters: TemplateContext["parameters"]): TemplateContext {
  return { ...CONTEXT, parameters };
}

function value<T>(result: Result<T, string>): T {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

const json = (template: unknown, context = CONTEXT) => value(renderJson(template, context, ROOM));
const text = (template: string, context = CONTEXT) => renderText(template, context, ROOM);

describe("a value that is exactly one placeholder keeps its type", () => {
  it.each<[string, unknown]>([
    ["{{ parameters.branch }}", "main"],
    ["{{parameters.replicas}}", 3],
    ["{{\t parameters.dry\n}}", false],
    ["{{ parameters.nothing }}", null],
    ["{{ parameters.missing }}", null],
    ["{{ parameters.missing.too }}", null],
    ["{{ parameters.list }}", ["a", { b: "c" }, [7]]],
    ["{{ parameters.list.1.b }}", "c"],
    ["{{ parameters.list.2.0 }}", 7],
    ["{{ parameters.list.3 }}", null],
    ["{{ parameters.deep.er.est }}", 1.5],
    ["{{ parameters.ключ-1 }}", "ж"],
    ["{{ recommendations.size }}", { cpu: 2 }],
    ["{{ entity.id }}", "svc/1"],
    ["{{ entity }}", { id: "svc/1" }],
    ["{{ run }}", CONTEXT.run],
    ["{{ run.callbackToken }}", "token"],
  ])("%j becomes %j", (template, expected) => {
    expect(checkTemplate(template)).toBeNull();
    expect(json(template)).toEqual(expected);
  });

  it("and a run without an entity has a null id, empty in text", () => {
    const context = { ...CONTEXT, entity: { id: null } };
    expect(json(["{{ entity.id }}", "<{{ entity.id }}>"], context)).toEqual([null, "<>"]);
  });
});

describe("inside text a value is text", () => {
  it.each([
    [" {{ parameters.replicas }} ", " 3 "],
    ["{{ parameters.branch }}{{ parameters.dry }}", "mainfalse"],
    ["a{{ parameters.nothing }}b{{ parameters.missing }}c", "abc"],
    ["l={{ parameters.list }}", 'l=["a",{"b":"c"},[7]]'],
    ["{{ recommendations.size }}.", '{"cpu":2}.'],
    ['"{{ parameters.quoted }}"', '""\\\n"'],
    ["a }} b } { c", "a }} b } { c"],
    ["{{ parameters.branch }}}", "main}"],
    ["", ""],
  ])("%j becomes %j", (template, expected) => {
    expect(checkTemplate(template)).toBeNull();
    expect(json({ a: [template] })).toEqual({ a: [expected] });
    expect(text(template)).toBe(expected);
  });

  it("and a header's value is text even if it is only a placeholder", () => {
    expect(text("{{ parameters.replicas }}")).toBe("3");
    expect(text("{{ parameters.missing }}")).toBe("");
    expect(text("{{ recommendations }}")).toBe('{"size":{"cpu":2}}');
  });
});

describe("json before a path makes the JSON text of the value", () => {
  it.each([
    ["{{ json parameters.branch }}", '"main"'],
    ["{{json parameters.replicas}}", "3"],
    ["{{\tjson \n parameters.dry\t}}", "false"],
    ["{{ json parameters.nothing }}", "null"],
    ["{{ json parameters.missing }}", "null"],
    ["{{ json parameters.empty }}", '""'],
    ["{{ json parameters.list }}", '["a",{"b":"c"},[7]]'],
    ["{{ json parameters.quoted }}", '"\\"\\\\\\n"'],
    ["{{ json parameters.own }}", '{"__proto__":"mine","toString":"yours"}'],
    ["{{ json parameters.looks }}", '"{{ run.id }}"'],
    ["{{ json recommendations }}", '{"size":{"cpu":2}}'],
    ["{{ json entity }}", '{"id":"svc/1"}'],
    ["{{ json run.id }}", `"${CONTEXT.run.id}"`],
    ["{{ json run }}", JSON.stringify(CONTEXT.run)],
  ])("%j becomes %j", (template, expected) => {
    expect(checkTemplate(template)).toBeNull();
    // It is text also where it stands alone, and the text can have more around it.
    expect(json({ a: [template, `<${template}>`] })).toEqual({ a: [expected, `<${expected}>`] });
    expect(text(template)).toBe(expected);
    expect(value(renderUrl(`https://ci.example/?q=${template}`, CONTEXT))).toBe(
      `https://ci.example/?q=${encodeURIComponent(expected)}`,
    );
    expect(pathsOf(template)).toEqual(pathsOf(template.replace("json", "")));
  });

  it("which a reader turns back into the value, whatever it is, and in a header it is printable ASCII", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: "binary" }), (v, w) => {
        const context = withParameters({ v, w, "\u007f": "\u007f" });
        for (const name of ["v", "w"]) {
          const once = JSON.stringify(context.parameters[name]);
          const template = `{{ json parameters.${name} }}`;
          expect(json(template, context)).toBe(once);
        }
        const inHeader = text("{{ json parameters }}", context) ?? "";
        expect(inHeader).toMatch(/^[ -~]*$/);
        expect(JSON.stringify(JSON.parse(inHeader))).toBe(JSON.stringify(context.parameters));
      }),
    );
  });

  it("and a parameter with that name is reached like other parameters", () => {
    const context = withParameters({ json: [1] });
    expect(json(["{{ parameters.json }}", "{{ json parameters.json }}"], context)).toEqual([[1], "[1]"]);
  });

  it.each([
    ["{{ json }}", "Begin with one of run"],
    ["{{ json json }}", "Begin with one of run"],
    ["{{ json.parameters }}", "Begin with one of run"],
    ["{{ json json parameters }}", "a blank or a brace"],
    ["{{ JSON parameters }}", "a blank or a brace"],
    ["{{ json\u200bparameters }}", "Begin with one of run"],
    ["{{ json parameters x }}", "a blank or a brace"],
    ["{{ json run.foo }}", "run has only id"],
    ["{{ json secrets.x }}", "{{ json secrets.x }} is a secret. Use secrets only in headers and payload."],
    ["{{ json response.x }}", "{{ json response.x }} is not known yet."],
  ])("%j is refused, because json opens nothing", (template, sentence) => {
    expect(checkTemplate(template)?.message).toContain(sentence);
    expect(checkUrlTemplate(`https://ci.example/${template}`)).toContain(sentence);
  });
});

it.each([
  ["{{ secrets.x }}", "{{ secrets.x }} is a secret. Use secrets only in headers and payload."],
  ["{{ response.x }}", "{{ response.x }} is not known yet. Use the receiver's response only in cancel and link."],
])("%j is refused where it can't stand", (template, sentence) => {
  expect(checkTemplate([template])?.message).toBe(sentence);
});

describe("a faulty template is refused with a sentence", () => {
  const ROOTS = "Begin with one of run, parameters, recommendations, entity.";
  it.each<readonly [string, string]>([
    ["{{ Run.id }}", ROOTS],
    ["{{ constructor }}", ROOTS],
    ["{{ __proto__.x }}", ROOTS],
    [
      "{{ run.foo }}",
      "run has only id, actionName, triggeredBy, createdAt, callbackUrl, callbackToken, expiresAt, timeoutSeconds",
    ],
    ["{{ run.constructor }}", "run has only id"],
    ["{{ run.id.x }}", "run has only id"],
    ["{{ entity.name }}", "entity has only id"],
    ["{{ entity.id.x }}", "entity has only id"],
    ...["{{ }}", "{{}}", "{{ . }}", "{{ parameters. }}", "{{ .parameters }}", "{{ parameters..x }}"].map(
      (template) => [template, "has an empty name"] as const,
    ),
    ...["{{ parameters.a b }}", "{{ parameters .a }}", "{{ parameters.a{b }}", "{{ parameters.a}b }}"].map(
      (template) => [template, "a blank or a brace"] as const,
    ),
    ["{{{ parameters.a }}}", "a blank or a brace"],
    ...["{{", "{{ parameters.a", "{{ parameters.a }", "{{ run.id }}{{ run.id", "{{{{ run.id }}}}"].map(
      (template) => [template, "not closed"] as const,
    ),
  ])("%j: %s", (template, sentence) => {
    expect(checkTemplate(template)?.message).toContain(sentence);
    expect(checkUrlTemplate(`https://ci.example/${template}`)).toContain(sentence);
    expect(() => renderText(template, CONTEXT, ROOM)).toThrow("never checked");
  });

  it("that names the first place and shows at most 80 characters of the placeholder", () => {
    const long = `{{ ${"x".repeat(5000)} }}`;
    const fault = checkTemplate({ a: 1, b: [null, "fine", { c: `..${long}` }], z: "{{" });
    expect(fault?.path).toEqual(["b", 2, "c"]);
    expect(fault?.message).toMatch(/^\{\{ x{76}… is unknown/);
  });

  it("without the text after an open {{, which may be a secret", () => {
    expect(checkTemplate("Bearer {{hunter2")?.message).not.toContain("hunter2");
    expect(checkTemplate("Bearer {{hunter2 {{ run.id }}")?.message).not.toContain("hunter2");
  });

  it("also for a placeholder in a key", () => {
    expect(checkTemplate({ a: { "x{{ run.id }}": 1 } })).toEqual({
      path: ["a", "x{{ run.id }}"],
      message: "A key can't have placeholders. Put them into values.",
    });
  });
});

describe("only own members are reached", () => {
  const INHERITED = [
    ...Object.getOwnPropertyNames(Object.prototype),
    ...Object.getOwnPropertyNames(Array.prototype),
    ...Object.getOwnPropertyNames(String.prototype),
  ];
  it.each(["parameters", "parameters.list", "parameters.branch", "parameters.replicas", "recommendations.size"])(
    "%s has nothing of its prototype's",
    (holder) => {
      const templates = INHERITED.map((name) => `{{ ${holder}.${name} }}`);
      expect(new Set(json(templates) as unknown[])).toEqual(new Set([null]));
    },
  );

  it.each(["0 1", "00", "-0", "1.0", "1e0", "+1", "٠", "4294967296"])("%s is no index", (index) => {
    const template = `{{ parameters.list.${index.replace(" ", ".")} }}`;
    expect(json(template)).toBeNull();
  });

  it("and a member with such a name is reached if the JSON has it", () => {
    expect(json("{{ parameters.own.__proto__ }}-{{ parameters.own.toString }}")).toBe("mine-yours");
  });

  it("a template's own __proto__ stays a key and pollutes nothing", () => {
    const template = JSON.parse('{"a":{"__proto__":{"polluted":"{{ parameters.branch }}"}}}');
    expect(JSON.stringify(json(template))).toBe('{"a":{"__proto__":{"polluted":"main"}}}');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe("a value is never expanded again", () => {
  it("whatever it looks like", () => {
    expect(json(["{{ parameters.looks }}", "<{{ parameters.looks }}>"])).toEqual(["{{ run.id }}", "<{{ run.id }}>"]);
  });

  it("and two halves make no placeholder", () => {
    const context = withParameters({ open: "{{ run", close: ".id }}" });
    expect(text("{{ parameters.open }}{{ parameters.close }}", context)).toBe("{{ run.id }}");
  });

  it("for any text at all", () => {
    const hostile = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("{{ run.id }}", "{{", "}}", "{{}}"));
    fc.assert(
      fc.property(hostile, hostile, (a, b) => {
        const context = withParameters({ a, b });
        expect(json({ x: ["{{ parameters.a }}"] }, context)).toEqual({ x: [a] });
        expect(text("{{ parameters.a }}-{{ parameters.b }}", context)).toBe(`${a}-${b}`);
      }),
    );
  });
});

it("a template without placeholders renders to itself, whatever JSON it is", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), (source) => {
      fc.pre(!source.includes("{{"));
      const template = JSON.parse(source);
      expect(checkTemplate(template)).toBeNull();
      expect(JSON.stringify(json(template))).toBe(JSON.stringify(template));
    }),
  );
});

describe("the bound", () => {
  it("is exactly the bytes of the result's JSON", () => {
    const leaf = fc.oneof(
      fc.constantFrom(
        "{{ parameters.v }}",
        "<{{ parameters.v }}{{ parameters.w }}>",
        "{{ run }}",
        "{{ json parameters.v }}",
        "<{{ parameters.v }}{{ json parameters.w }}>",
      ),
      fc.string({ unit: "binary" }).filter((some) => !some.includes("{{")),
    );
    const { template } = fc.letrec((tie) => ({
      template: fc.oneof(
        { depthSize: "small" },
        leaf,
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.array(tie("template")),
        fc.dictionary(fc.string({ unit: "binary" }), tie("template")),
      ),
    }));
    fc.assert(
      fc.property(template, fc.jsonValue(), fc.string({ unit: "binary" }), (some, v, w) => {
        const context = withParameters({ v, w });
        const rendered = json(some, context);
        const bytes = utf8Bytes(JSON.stringify(rendered));
        expect(renderJson(some, context, bytes)).toEqual({ ok: true, value: rendered });
        expect(renderJson(some, context, bytes - 1)).toEqual({ ok: false, error: "too_large" });
      }),
    );
  });

  // Each would be 10 000 times 256 KiB, or as many measurements of it.
  const BIG = withParameters({ s: "x".repeat(256 * KIB), o: { list: Array(32 * KIB).fill("{{ run.id") } });
  it.each<[string, unknown]>([
    ["alone, text", Array(10_000).fill("{{ parameters.s }}")],
    ["alone, object", Array(10_000).fill("{{ parameters.o }}")],
    ["members", Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, "{{ parameters.o }}"]))],
    ["alone, JSON text", Array(10_000).fill("{{ json parameters.o }}")],
    ["in one string, text", "{{ parameters.s }}".repeat(10_000)],
    ["in one string, JSON text", "{{ json parameters.o }}".repeat(10_000)],
    ["in one string, object", "{{ parameters.o }}-".repeat(10_000)],
    ["in strings", Array(10_000).fill("-{{ parameters.o }}")],
  ])("stops a size bomb early: %s", (_, template) => {
    const startedAt = performance.now();
    expect(renderJson(template, BIG, 1024 * KIB)).toEqual({ ok: false, error: "too_large" });
    if (typeof template === "string") {
      expect(renderText(template, BIG, 1024 * KIB)).toBeNull();
      expect(renderUrl(`https://ci.example/${template}`, BIG).ok).toBe(false);
    }
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });

  it("keeps 10 000 placeholders, and texts that almost are placeholders, fast", () => {
    const startedAt = performance.now();
    expect(text("{{ parameters.replicas }}".repeat(10_000))).toBe("3".repeat(10_000));
    expect(text("{{ parameters.missing }}".repeat(10_000))).toBe("");
    for (const almost of ["{{", "{{ ", "{{ a.", "{", "}}", "{{ x } ", "{{\t\t", "%2e", "/."]) {
      checkTemplate(almost.repeat(100_000));
      checkUrlTemplate(almost.repeat(100_000));
      checkTemplate(`{{${almost.replaceAll("{", " ").repeat(100_000)}}}`);
    }
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });

  it("allows templates as deep as JSON_MAX_DEPTH", () => {
    let template: unknown = "{{ parameters.replicas }}";
    for (let depth = 0; depth < JSON_MAX_DEPTH; depth += 1) template = [template];
    expect(checkTemplate(template)).toBeNull();
    expect(JSON.stringify(json(template))).toBe(`${"[".repeat(JSON_MAX_DEPTH)}3${"]".repeat(JSON_MAX_DEPTH)}`);
  });
});
