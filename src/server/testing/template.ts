import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const templatePath = fileURLToPath(new URL('../../../template.yaml', import.meta.url));
const TAGS = ['Ref', 'GetAtt', 'Sub', 'Join', 'If', 'Equals', 'Not'];

export interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

interface WithEnvironment {
  readonly Environment?: { readonly Variables: Readonly<Record<string, unknown>> };
}

/** A short form such as !Ref X as a plain value: what is asked here is only what stands where. */
function shortForm(name: string) {
  const tag = `!${name}`;
  return [
    { tag, resolve: (text: string) => `${tag} ${text}` },
    { tag, collection: 'seq' as const },
  ];
}

export const template = parse(readFileSync(templatePath, 'utf8'), { customTags: TAGS.flatMap(shortForm) }) as {
  readonly Globals: { readonly Function: WithEnvironment };
  readonly Resources: Readonly<
    Record<
      string,
      { Type: string; DeletionPolicy?: string; Properties: Readonly<Record<string, unknown>> & WithEnvironment }
    >
  >;
};

/** What a function may do, all conditions taken for true. */
export function statementsOf(name: string): Statement[] {
  const policies = template.Resources[name]?.Properties['Policies'] as unknown[];
  const flat = policies.flatMap((policy) => (Array.isArray(policy) ? (policy as unknown[]) : [policy]));
  return flat.flatMap((policy) => (policy as { Statement?: Statement[] }).Statement ?? []);
}

export const actionsOf = (name: string): string[] => statementsOf(name).flatMap((statement) => statement.Action);

/** The variables that a function is given by us. */
export function variablesOf(name: string): string[] {
  const own = template.Resources[name]?.Properties.Environment?.Variables ?? {};
  return Object.keys({ ...template.Globals.Function.Environment?.Variables, ...own });
}
