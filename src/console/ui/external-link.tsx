/** A link that somebody else wrote. A URL that the service does not accept as a link stays text. */

import type { ComponentChildren } from "preact";
import { harmlessLink } from "../../base/harmless-link.ts";
import { Icon } from "./icons.tsx";

interface ExternalLinkProps {
  readonly href: string;
  /** Default: the address. */
  readonly children?: ComponentChildren;
}

export function ExternalLink({ href, children }: ExternalLinkProps) {
  const link = harmlessLink(href);
  if (link === null) return <bdi>{href}</bdi>;
  return (
    <a class="external" href={link} target="_blank" rel="noopener noreferrer">
      <bdi>{children ?? link}</bdi>
      <Icon name="external" />
    </a>
  );
}
