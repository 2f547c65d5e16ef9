/** Links that others wrote: the console links what the service counts as a link, and shows everything else as text. */

import { describe, expect, it } from "vitest";
import { ExternalLink } from "../../src/console/ui/button.tsx";

/** The element that the console makes of the text: its name, where it leads, and what it shows. */
function shown(text: string) {
  const { type, props } = ExternalLink({ href: text });
  const { href = null, children } = props as { readonly href?: string; readonly children: unknown };
  const inner = JSON.stringify(children);
  return { element: type, href, showsText: inner.includes(JSON.stringify(text)) };
}

describe("the console", () => {
  it.each([
    "https://github.com@evil.example/",
    "https://github.com:443@evil.example/octo/shop/actions/runs/1",
    "https://@evil.example/",
    "https:\\\\github.com@evil.example/",
    "https://github.com\\@evil.example/",
    "http://ci.example.com/jobs/1",
    "javascript:alert(1)",
    "https://ci.example.com/a b",
    `https://ci.example.com/${"x".repeat(2048)}`,
  ])("shows as text: %s", (text) => {
    expect(shown(text)).toEqual({ element: "bdi", href: null, showsText: true });
  });

  it("links an https address, in the spelling of the URL parser, which is also what it shows", () => {
    const address = "https://ci.example.com/caf%C3%A9";
    expect(shown(address)).toEqual({ element: "a", href: address, showsText: true });
    const { href, showsText } = shown("HTTPS://CI.example.com/caf\u00e9");
    expect({ href, showsText }).toEqual({ href: address, showsText: false });
  });
});
