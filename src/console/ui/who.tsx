/** Who did something: a person or a token, and the token that acted for the person if it has another name. */

interface WhoProps {
  readonly name: string;
  readonly via?: string | null | undefined;
}

export function Who({ name, via }: WhoProps) {
  return (
    <>
      <bdi>{name}</bdi>
      {via == null || via === name ? null : (
        <>
          {" via "}
          <bdi>{via}</bdi>
        </>
      )}
    </>
  );
}
