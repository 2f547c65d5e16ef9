/** What a stored action is found by. `scope`: `{org}/{project}/{env}`. */
export interface ActionRef {
  readonly scope: string;
  readonly name: string;
}
