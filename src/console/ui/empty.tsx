/** What an empty page shows: what would be here, and which command to type first. */
import type { ComponentChildren } from "preact";
import { useSession } from "../session/session.tsx";
import { CopyButton } from "./seen-texts.tsx";
import type { Commands } from "./shell-commands.ts";

interface EmptyProps {
  readonly title: string;
  /** Whether it fills the page. Then its title is the heading of the page. */
  readonly isPage?: boolean;
  readonly children?: ComponentChildren;
}

export function Empty({ title, isPage = false, children }: EmptyProps) {
  const Title = isPage ? "h1" : "h2";
  return (
    <div class="empty stack gap-12">
      <Title>{title}</Title>
      {children}
    </div>
  );
}

/** A command to paste into a terminal, with a copy button. It never holds a token: use $ACTION_RUNS_TOKEN. */
export function Command({ what, text }: { readonly what: string; readonly text: string }) {
  return (
    <div class="command row no-wrap gap-4 card is-side">
      <pre>
        <code>{text}</code>
      </pre>
      <CopyButton what={what} text={text} />
    </div>
  );
}

export function NotYours({ what }: { readonly what: string }) {
  const { holder } = useSession();
  return (
    <Empty isPage title={`Your token does not open ${what}`}>
      <p>It has the role {holder.role}. Sign in with a token that has the role owner or admin.</p>
    </Empty>
  );
}

interface CommandPairProps {
  readonly commands: Commands;
  /** For the names of the copy buttons: "to cancel the run". */
  readonly what: string;
}

export function CommandPair({ commands: { cli, curl }, what }: CommandPairProps) {
  return (
    <div class="stack">
      <Command what={`command ${what}`} text={cli} />
      <Command what={`curl ${what}`} text={curl} />
    </div>
  );
}

/** It is closed at first. */
export function CommandDetails({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  return (
    <details class="disclosure">
      <summary>{title}</summary>
      <p class="hint">
        Both read your token from <code>$ACTION_RUNS_TOKEN</code>.
      </p>
      {children}
    </details>
  );
}

/** What stands in the place of rows that are not read yet. It is as high as rows are, so that nothing moves later. */
export function Skeleton() {
  return <div class="skeleton" aria-hidden="true" />;
}
