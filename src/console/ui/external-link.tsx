/** A link that somebody else wrote. Only `https:` and `http:` become links; everything else stays text. */

import type { ComponentChildren } from "preact";
import { Icon } from "./icons.tsx";

interface ExternalLinkProps {
  readonly href: string;
  /** Default: the address. */
  readonly children?: ComponentChildren;
}

export function ExternalLink({ href, children }: ExternalLinkProps) {
  if (!isWebAddress(href)) return <bdi>{href}</bdi>;
  return (
    <a class="external" href={href} target="_blank" rel="noopener noreferrer">
      <bdi>{children ?? href}</bdi>
      <Icon name="external" />
    </a>
  );
}

/** PURE. */
export function isWebAddress(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
