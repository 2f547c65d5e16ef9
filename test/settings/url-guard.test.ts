import { describe, expect, it } from "vitest";
import { URL_MAX_CHARACTERS } from "../../src/base/limits.ts";
import { parseHosts, parsePorts } from "../../src/settings/config.ts";
import { guardUrl, type UrlPolicy } from "../../src/settings/url-guard.ts";
import { words } from "../support/words.ts";

const OPEN: UrlPolicy = { ports: new Set(), hosts: null, ownHosts: ["runs.example.com"], insecure: false };
const INSECURE: UrlPolicy = { ...OPEN, ownHosts: ["localhost:8787"], insecure: true };

/** Parts of URLs that no sentence may repeat. */
const SECRETS = ["s3cr3t", "hunter2"];
const LONG_LABEL = "a".repeat(63);

function expectRefused(text: string, policy: UrlPolicy, word: string) {
  const guarded = guardUrl(text, policy);
  if (guarded.ok) throw new Error(`${JSON.stringify(text)} was let through as ${guarded.value.href}`);
  expect(guarded.error).toMatch(/^The URL.*\. (Send|Percent-encode|Remove) .*\.$/);
  expect(guarded.error).toContain(word);
  for (const secret of SECRETS) expect(guarded.error).not.toContain(secret);
}

/** Refused hosts as a caller could write them, by words of their sentence. */
const REFUSED_HOSTS: Readonly<Record<string, readonly string[]>> = {
  "IP address": [
    // Public, unspecified, private, carrier, link-local (the clouds' metadata), benchmark, multicast, broadcast.
    ...words(`1.1.1.1 93.184.215.14 8.8.8.8:443 0.0.0.0 0 0x 1 10.0.0.1 172.16.0.1 192.168.0.1 0300.0250.1
      100.64.0.1 169.254.169.254 169.254.43518 2852039166 0xa9fea9fe 0251.0376.0251.0376 100.100.100.200
      192.0.0.1 198.18.0.1 224.0.0.1 255.255.255.255 4294967295 0xffffffff`),
    // Unspecified, mapped, compatible, translated, NAT64.
    ...words(`[::] [0:0:0:0:0:0:0:0] [::0.0.0.0] [::ffff:127.0.0.1] [::ffff:7f00:1] [::FFFF:A9FE:A9FE]
      [0:0:0:0:0:ffff:127.0.0.1] [::127.0.0.1] [::7f00:1] [::ffff:0:127.0.0.1] [64:ff9b::7f00:1]
      [64:ff9b::10.0.0.1] [64:ff9b:1::7f00:1]`),
    // 6to4, Teredo, unique local, site local, link-local, multicast, public, discard.
    ...words(`[2002:7f00:1::] [2001:0:7f00:1::] [fc00::1] [fd00:ec2::254] [fec0::1] [fe80::1] [ff02::1]
      [2606:4700:4700::1111] [::2] [0100::1]`),
  ],
  "is not valid": [
    // Overflows, empty and too many parts, a digit that is none, and what ends like an address.
    ...words(`256.1.1.1 127.0.0.256 127.16777216 4294967296 0x100000000 1.2.3.4.5 08.0.0.1 09 127..0.1 -1.0.0.1
      ci.example.0 ci.example.127 ci.example.0x7f ci.example.１２７`),
    // Zone ids among them.
    ...words(`fe80::1 ::1 [::1 [1.2.3.4] [::ffff:256.0.0.1] [::1::] [] [::1].example.com [::1%25eth0]
      [fe80::1%25eth0] [fe80::1%eth0] [fe80::1%251]`),
    ...words(`127.0.0.1%00.example.com 127.0.0.1%20 ci%2fexample.com ci%40example.com ci%example.com
      ci%ff.example.com ci\u200d.example.com ci|example.com ci^example.com xn--ü.example.com :443`),
    ...words("ci.example.com:65536 ci.example.com:-1 ci.example.com:x ci.example.com:443:443"),
  ],
  "not a valid DNS name": [
    ...words(`ci.example.com. ci.example.com.. ci.example.com.:443 ci.example.com。 ci.example.com%2e 127.0.0.1..
      1.1.1.1.. localhost. localhost.. LOCALHOST. metadata.google.internal. runs.example.com.`),
    ...words(". .. .ci.example.com ci..example.com .local ci.example.1a ci.example._a ci.example.-a 127.0.0.1a"),
    ...words(`{{x}}.example.com ci%7bx%7d.example.com *.example.com ci!.example.com ci$.example.com ci,example.com
      ci;x.example.com ci=x.example.com ci&x.example.com ci(x).example.com ci'x.example.com ci"x.example.com
      ci\`x.example.com ci~x.example.com ci+x.example.com`),
    `a${LONG_LABEL}.example.com`,
    `${`${LONG_LABEL}.`.repeat(3)}${"a".repeat(50)}.example.com`,
    // Punycode of plain ASCII; of full-width, circled and other letters that normalise to ASCII; of nothing.
    ...words(`xn--localhost- foo.xn--local- XN--LOCAL-.example.com xn--127-.0.xn--0-.xn--1- xn--www-.com
      xn--mi7cdqncpe6aj a.xn--8g7ccp xn--ocalhost-6h39b.com a.xn--ocal-kb8a xn--orhcp.com a.xn--local-1ha
      xn--ab-r13a.com xn--lcal-lma.com xn--r6j.com xn--xn--a-.com xn--.com xn--a.com xn--0a1e.com a.xn--`),
  ],
  "local network": [
    ...words("intranet ci router com xn--bcher-kva bücher kubernetes metadata LOCALHOST4"),
    ...words(`ci.local CI.LOCAL ci.Internal metadata.google.internal METADATA.Google.Internal host.docker.internal
      home.arpa Home.Arpa nas.home.ARPA x.localhost a.b.LocalHost localhost.localdomain x.LocalDomain nas.Lan
      x.IntraNet git.Corp nas.Home db.Private x.Invalid abcdefghij.Onion kubernetes.default.svc.cluster.local`),
    // Special names of the DNS, and what machines and routers give out by themselves.
    ...words(`1.0.0.127.in-addr.arpa resolver.arpa ipv4only.arpa x.Test x.alt relay.mail localhost4.localdomain4
      localhost6.LocalDomain6 fritz.box nas.Fritz.Box easy.box speedport.ip my.router my.gateway pc.localnet`),
    // Names of clusters and clouds.
    ...words(`kubernetes.default vault.prod.svc ci.SVC 10-0-0-1.prod.pod kube-dns.kube-system ci.prod.svc.cluster
      vault.service.consul node.dc1.Consul leader.mesos c1.lxd c1.incus vm.novalocal vm.openstacklocal
      vm.abc.internal.cloudapp.net`),
    // What becomes one of these on its way through the parser.
    ...words(`ci.ｌｏｃａｌ ci。local ci．local ci｡local ci%E3%80%82local ci%2elocal ci.%6cocal ci.lo\u00adcal
      ci.lo\u200bcal ci.ⓛⓞⓒⓐⓛ ci.ℓocal ci.𝐥𝐨𝐜𝐚𝐥`),
  ],
  "this service": words(`runs.example.com RUNS.Example.COM runs.example.com:443 runs.example.com:8443
    ｒｕｎｓ.example.com runs%2eexample.com ru\u00adns.example.com`),
};

/** Loopback in every spelling, which is refused except in development. */
const LOOPBACK: Readonly<Record<string, readonly string[]>> = {
  "IP address": words(`127.0.0.1 127.1 127.0.1 127.255.255.254 2130706433 0x7f000001 0x7F.0.0.1 0x7f.1 0177.0.0.1
    00000000177.1 017700000001 0177.0.0x0.1 127.0.0.1. 127.0.0.1:9999 ①②⑦.⓪.⓪.① １２７.０.０.１ 𝟏𝟐𝟕.1
    127。0。0。1 127．0｡0.1 127%2e0%2e0%2e1 %31%32%37.1
    [::1] [0:0:0:0:0:0:0:1] [0000::0001] [::0.0.0.1] [::1]:9999`),
  "local network": words(`localhost LOCALHOST LocalHost:9999 %6cocalhost ｌｏｃａｌｈｏｓｔ ⓛⓞⓒⓐⓛⓗⓞⓢⓣ ℓocalhost
    lo\u00adcalhost localho\u017ft loca\u200blhost`),
};

/** Whole URLs that are refused, whatever the policy. */
const REFUSED_URLS: Readonly<Record<string, readonly string[]>> = {
  credentials: words(`https://s3cr3t:hunter2@ci.example.com/ https://s3cr3t@ci.example.com/
    https://:hunter2@ci.example.com/ https://@ci.example.com/ https://:@ci.example.com/ https:@ci.example.com/
    HTTPS:///@ci.example.com https://ci.example.com@127.0.0.1/ https://ci.example.com:443@evil.example.net/
    https://a@b@ci.example.com/ https://ci.example.com%2f@evil.example.net/`),
  scheme: words(`ftp://ci.example.com/ file:///etc/passwd file://ci.example.com/x data:text/plain,x javascript:x
    javascript://ci.example.com/%0ax ws://ci.example.com/ wss://ci.example.com/ about:blank urn:x
    blob:https://ci.example.com/s3cr3t gopher://ci.example.com/ httpss://ci.example.com/ mailto:a@b.com
    ci.example.com:443 localhost:9999/s3cr3t view-source:https://ci.example.com/`),
  "is not valid": ["", ...words("ci.example.com //ci.example.com/ /s3cr3t https:// https:/// https:?x ://x {{url}}")],
  "Percent-encode": [
    // Blanks at the ends and inside, controls that the parser would drop or encode, lone surrogates, backslashes.
    " https://ci.example.com/",
    "\ufeffhttps://ci.example.com/",
    "https://ci.example.com/\n",
    ...[" ", "\t", "\n", "\u00a0", "\u2028", "\u3000"].map((blank) => `https://ci.example.com/a${blank}b`),
    "https://ci. example.com/",
    "https://ci.exa\tmple.com/",
    "ht\ntps://ci.example.com/",
    "https:/\r/ci.example.com/",
    ...["\u0000", "\u001b[0m", "\u007f", "\u0085"].map((control) => `https://ci.example.com/${control}`),
    ...["\ud800", "?\udc00x", "#\udc00\ud800"].map((half) => `https://ci.example.com/${half}`),
    ...words(`https:\\\\ci.example.com\\s3cr3t https://ci.example.com\\@127.0.0.1/ https://127.0.0.1\\@ci.example.com/
      https://ci.example.com/?a\\b \\\\ci.example.com\\s3cr3t https:/\\ci.example.com/`),
  ],
  "too long": [`https://ci.example.com/${"a".repeat(URL_MAX_CHARACTERS)}`],
};

/** `name` is what a title can hold: half a surrogate pair can't be reported. */
const rows = (table: Readonly<Record<string, readonly string[]>>) =>
  Object.entries(table).flatMap(([word, texts]) =>
    texts.map((text) => ({ word, text, name: JSON.stringify(text.slice(0, 80)) })),
  );

describe("a host that may not be called is refused with a sentence", () => {
  it.each(rows(REFUSED_HOSTS))("$name: $word", ({ word, text }) => {
    expectRefused(`https://${text}/s3cr3t?k=hunter2`, OPEN, word);
  });

  it.each(rows(LOOPBACK))("$name: $word", ({ word, text }) => {
    expectRefused(`https://${text}/s3cr3t?k=hunter2`, OPEN, word);
    expectRefused(`http://${text}/s3cr3t?k=hunter2`, OPEN, "scheme");
  });

  it.each(rows(REFUSED_HOSTS).filter(({ word }) => word !== "this service"))(
    "$name, also in development and over http",
    ({ word, text }) => {
      for (const scheme of ["https", "http"]) expectRefused(`${scheme}://${text}/s3cr3t?k=hunter2`, INSECURE, word);
    },
  );
});

describe("a URL that may not be called is refused with a sentence", () => {
  it.each(rows(REFUSED_URLS))("$name: $word", ({ word, text }) => {
    expectRefused(text, OPEN, word);
    expectRefused(text, INSECURE, word);
  });

  it("http is refused except in development", () => {
    expectRefused("http://ci.example.com/s3cr3t", OPEN, "scheme");
    expect(guardUrl("http://ci.example.com/", INSECURE).ok).toBe(true);
    expect(guardUrl("http://ci.example.com:80/", INSECURE).ok).toBe(true);
    expectRefused("http://ci.example.com:443/", INSECURE, "port");
  });
});

describe("ports", () => {
  const ports = new Set([8443, 9443]);

  it.each(["0", "1", "22", "80", "8080", "8444", "44", "4430", "65535"])("%s is refused unless allowed", (port) => {
    expectRefused(`https://ci.example.com:${port}/s3cr3t`, OPEN, "port");
    expectRefused(`https://ci.example.com:${port}/s3cr3t`, { ...OPEN, ports }, "port");
    expectRefused(`https://ci.example.com:${port}/s3cr3t`, INSECURE, "port");
  });

  it.each(["8443", "9443", "08443"])("%s is open where WEBHOOK_PORTS says so, and 443 stays open", (port) => {
    expectRefused(`https://ci.example.com:${port}/`, OPEN, "port");
    expect(guardUrl(`https://ci.example.com:${port}/`, { ...OPEN, ports }).ok).toBe(true);
    expect(guardUrl("https://ci.example.com/", { ...OPEN, ports }).ok).toBe(true);
    expectRefused(`https://127.0.0.1:${port}/`, { ...OPEN, ports }, "IP address");
  });
});

describe("what may be called", () => {
  it.each<[string, string]>([
    ["https://ci.example.com", "https://ci.example.com/"],
    ["HTTPS://CI.Example.COM/Hook", "https://ci.example.com/Hook"],
    ["https://ci.example.com:443/a/b?c=d&e=%0a", "https://ci.example.com/a/b?c=d&e=%0a"],
    ["https://ci.example.com:/", "https://ci.example.com/"],
    ["https://ci.example.com/@someone?to=a@b.com", "https://ci.example.com/@someone?to=a@b.com"],
    ["https://ci.example.com?u=http://127.0.0.1/", "https://ci.example.com/?u=http://127.0.0.1/"],
    ["https://ci.example.com/a#s3cr3t", "https://ci.example.com/a"],
    ["https://ci.example.com#", "https://ci.example.com/"],
    ["https:ci.example.com/a", "https://ci.example.com/a"],
    ["https:////ci.example.com/a", "https://ci.example.com/a"],
    ["https://ci.example.com/bü/../x", "https://ci.example.com/x"],
    ["https://bücher.example.com/", "https://xn--bcher-kva.example.com/"],
    ["https://faß.example.com/", "https://xn--fa-hia.example.com/"],
    ["https://موقع.وزارة-الاتصالات.مصر/", "https://xn--4gbrim.xn----ymcbaaajlc6dj7bxne2c.xn--wgbh1c/"],
    ["https://例え.テスト/", "https://xn--r8jz45g.xn--zckzah/"],
    // Names that only look like one of ours or of a local network. `ci.example` is for documents, so nobody's network.
    ...words(`xn--bcher-kva.example.com xn--i-7iq.ws my_ci.example.com 1.example.com 127.0.0.1.example.com
      ab--cd.example.com ${LONG_LABEL}.example.com example.com a.runs.example.com myruns.example.com local.example.com
      localhost.example.com ci.notlocal home.arpa.example.com shop.box notfritz.box svc.example.com consul.io
      ci.cloudapp.net ci.example`).map((host): [string, string] => [`https://${host}/`, `https://${host}/`]),
  ])("%s is called as %s", (text, href) => {
    for (const policy of [OPEN, INSECURE]) {
      const guarded = guardUrl(text, policy);
      expect(guarded.ok ? guarded.value.href : guarded.error).toBe(href);
    }
  });

  it("is at most as long as the limits allow", () => {
    const text = "https://ci.example.com/".padEnd(URL_MAX_CHARACTERS, "a");
    expect(guardUrl(text, OPEN).ok).toBe(true);
    expectRefused(`${text}a`, OPEN, "too long");
    const name = `${`${LONG_LABEL}.`.repeat(3)}${"a".repeat(57)}.com`;
    expect(name.length).toBe(253);
    expect(guardUrl(`https://${name}/`, OPEN).ok).toBe(true);
    expectRefused(`https://a${name}/`, OPEN, "DNS name");
  });

  it.each(rows(LOOPBACK))("in development, loopback: $name", ({ text }) => {
    for (const scheme of ["https", "http"]) expect(guardUrl(`${scheme}://${text}/hook`, INSECURE).ok).toBe(true);
  });
});

describe("the service's own host", () => {
  it.each([
    ["http://localhost:8787/", "localhost:8787"],
    ["http://127.0.0.1:8787/", "localhost:8787"],
    ["http://2130706433:8787/", "localhost:8787"],
    ["https://[::1]:8787/", "127.0.0.1:8787"],
    ["http://localhost:8787/", "[::1]:8787"],
    ["http://localhost/", "localhost"],
    ["http://localhost:443/", "localhost"],
    ["https://localhost:80/", "localhost"],
    ["http://127.0.0.1/", "localhost:80"],
    ["http://runs.example.com:9999/", "runs.example.com"],
    ["https://runs.example.com/", "runs.example.com:8443"],
    ["https://runs.example.com/", "other.example.com,runs.example.com"],
  ])("%s is refused in development where it is %s", (text, own) => {
    expectRefused(text, { ...INSECURE, ports: new Set([9999]), ownHosts: own.split(",") }, "this service");
  });

  it.each(["http://localhost:9999/", "http://127.0.0.1:87/", "http://localhost/", "http://[::1]:8788/"])(
    "is not at %s, another program on the developer's machine",
    (text) => expect(guardUrl(text, INSECURE).ok).toBe(true),
  );
});

describe("WEBHOOK_HOSTS", () => {
  const hosts = ["ci.example.com", "*.corp.example"];

  it.each(["ci.example.com", "CI.example.com", "a.corp.example", "a.b.CORP.example"])("opens %s", (host) => {
    for (const policy of [OPEN, INSECURE]) expect(guardUrl(`https://${host}/`, { ...policy, hosts }).ok).toBe(true);
  });

  it.each(words("corp.example evilcorp.example a.ci.example.com xci.example.com a.corp.example.net example.com"))(
    "closes %s",
    (host) => {
      for (const policy of [OPEN, INSECURE]) expectRefused(`https://${host}/`, { ...policy, hosts }, "operator");
    },
  );

  it("also closes loopback in development, and a named loopback opens nothing elsewhere", () => {
    expectRefused("http://localhost:9999/", { ...INSECURE, hosts }, "operator");
    const named = ["localhost", "127.0.0.1", "10.0.0.1", "ci.local"];
    expect(guardUrl("http://localhost:9999/", { ...INSECURE, hosts: named }).ok).toBe(true);
    expectRefused("http://[::1]:9999/", { ...INSECURE, hosts: named }, "operator");
    expectRefused("https://localhost/", { ...OPEN, hosts: named }, "local network");
    expectRefused("https://10.0.0.1/", { ...INSECURE, hosts: named }, "IP address");
    expectRefused("https://ci.local/", { ...INSECURE, hosts: named }, "local network");
    expectRefused("https://runs.example.com/", { ...OPEN, hosts: ["runs.example.com"] }, "this service");
  });

  it.each([undefined, "", "  "])("unset or blank (%j) leaves every public host open", (text) => {
    expect(parseHosts(text)).toEqual({ ok: true, value: null });
  });

  it.each([
    ["ci.example.com, *.corp.example", ["ci.example.com", "*.corp.example"]],
    ["CI.Example.COM,*.CORP.example", ["ci.example.com", "*.corp.example"]],
    ["bücher.example.com,*.bücher.example", ["xn--bcher-kva.example.com", "*.xn--bcher-kva.example"]],
    ["localhost, 127.0.0.1 ,[::1]", ["localhost", "127.0.0.1", "[::1]"]],
  ])("%s is read as its list", (text, hosts) => {
    expect(parseHosts(text)).toEqual({ ok: true, value: hosts });
  });

  it.each([
    ...words(`* *. *.com *.* *.*.example.com a.*.example.com a*.example.com **.example.com *example.com
      https://ci.example.com ci.example.com:443 ci.example.com/x ci.example.com?x ci.example.com#x
      a@ci.example.com ci.example.com\\x ci.example.com. .example.com ci..example.com ci ci.local *.internal
      *.localhost *.home.arpa 10.0.0.1 0xa000001 [fe80::1] *.127.0.0.1 *.[::1] [::ffff:127.0.0.1] ::1
      ci%2elocal xn--local-.example.com %31.example.com
      , ci.example.com, ,ci.example.com ci.example.com,,a.example.com ci.example.com;a.example.com`),
    "ci example.com",
    "ci.exa\tmple.com",
  ])("%s is refused, and opens or closes nothing", (text) => {
    const parsed = parseHosts(text);
    if (parsed.ok) throw new Error(`read as ${parsed.value}`);
    expect(parsed.error).toMatch(/^Entry [12] of WEBHOOK_HOSTS is not a public host\. Write .*\.$/);
  });

  it("says which entry is wrong", () => {
    expect(parseHosts("ci.example.com, *.corp.example, *")).toMatchObject({
      error: expect.stringMatching(/^Entry 3 of WEBHOOK_HOSTS /),
    });
  });
});

describe("WEBHOOK_PORTS", () => {
  it.each([
    [undefined, []],
    ["", []],
    [" ", []],
    ["8443, 9443", [8443, 9443]],
    ["1,65535,1", [1, 65_535]],
  ])("%j is read as its ports", (text, ports) => {
    expect(parsePorts(text)).toEqual({ ok: true, value: new Set(ports) });
  });

  it.each([...words("0 65536 99999999999 -1 +1 1.5 1e3 0x1f 08443 8443-8450 x * , 1, １"), "1 2"])(
    "%s is refused",
    (text) => {
      expect(parsePorts(`8443,${text}`)).toMatchObject({
        ok: false,
        error: expect.stringMatching(
          /^Entry [23] of WEBHOOK_PORTS is not a port\. Write a list of whole numbers from 1 to 65535\.$/,
        ),
      });
    },
  );
});
