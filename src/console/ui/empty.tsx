/** What an empty page shows: what would be here, and which command to type first. */

import type { ComponentChildren } from "preact";
import { CopyButton } from "./copy-button.tsx";

interface EmptyProps {
  readonly title: string;
  /** Whether it fills the page. Then its title is the heading of the page. */
  readonly isPage?: boolean;
  readonly children?: ComponentChildren;
}

export function Empty({ title, isPage = false, children }: EmptyProps) {
  const Title = isPage ? "h1" : "h2";
  return (
    <div class="empty">
      <Title>{title}</Title>
      {children}
    </div>
  );
}

/** A command to paste into a terminal, with a copy button. It never holds a token: use $ACTION_RUNS_TOKEN. */
export function Command({ what, text }: { readonly what: string; readonly text: string }) {
  return (
    <div class="command">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
      <CopyButton what={what} text={text} />
    </div>
  );
}
