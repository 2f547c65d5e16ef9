/** What a page about one thing is made of: sections, terms with what they stand for, who did something, and labels. */
import type { ComponentChildren } from "preact";

interface SectionProps {
  readonly title: string;
  /** Beside the title. */
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** Not a region, because a page with many regions is hard to walk through. People get here by the heading. */
export function Section({ title, aside, children }: SectionProps) {
  return (
    <div class="stack">
      <div class="section-head row">
        <h3>{title}</h3>
        {aside === undefined ? null : <span class="hint">{aside}</span>}
      </div>
      {children}
    </div>
  );
}

/** One entry of a `dl` of the class `facts`, unless there is nothing to say. */
export function Fact({ term, children }: { readonly term: ComponentChildren; readonly children: ComponentChildren }) {
  return children == null || children === false ? null : (
    <div>
      <dt>{term}</dt>
      <dd class="break">{children}</dd>
    </div>
  );
}

interface WhoProps {
  readonly name: string;
  readonly via?: string | null | undefined;
  readonly agent?: string | null | undefined;
}

/** A person or a token, the token that acted for the person if it has another name, and whether an agent asked. */
export function Who({ name, via, agent }: WhoProps) {
  return (
    <>
      <bdi>{name}</bdi>
      {via == null || via === name ? null : (
        <>
          {" via "}
          <bdi>{via}</bdi>
        </>
      )}
      <AgentMark of={agent} />
    </>
  );
}

/** That an agent asked. `of`: what the agent calls itself, which is only a claim. */
export function AgentMark({ of }: { readonly of: WhoProps["agent"] }) {
  return of == null ? null : (
    <>
      {" "}
      <span class="boxed muted small break" title="An agent asked. Nobody has verified what it calls itself.">
        agent “<bdi>{of}</bdi>”
      </span>
    </>
  );
}

export function Labels({ labels = [] }: { readonly labels: readonly string[] | undefined }) {
  return (
    <span class="row gap-4">
      {labels.map((label) => (
        <bdi key={label} class="chip" title={label}>
          {label}
        </bdi>
      ))}
    </span>
  );
}
