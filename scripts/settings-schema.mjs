// Writes assets/settings.schema.json from the zod schema, for editors that check and complete settings files.
// With --check it writes nothing and fails where the file is out of date. Runs on the pinned Node, which reads TypeScript.
import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { fieldNotes, settingsSchema } from '../src/core/settings/schema.ts';

const file = new URL('../assets/settings.schema.json', import.meta.url);

/** The JSON schema as text. */
function settingsJsonSchema() {
  const schema = z.toJSONSchema(settingsSchema, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      // An empty group as default says nothing, and secrets are for writing only.
      if (JSON.stringify(jsonSchema.default) === '{}') delete jsonSchema.default;
      if (fieldNotes.get(zodSchema)?.secret) jsonSchema.writeOnly = true;
    },
  });
  const { $schema, properties, ...rest } = schema;
  const editors = { $schema: { type: 'string', description: 'Where editors find this schema; Vigil ignores it.' } };
  return `${JSON.stringify({ $schema, title: "Vigil's settings", ...rest, properties: { ...editors, ...properties } }, null, 2)}\n`;
}

/** @returns {boolean} whether the file in the tree is what the schema says now */
function isUpToDate() {
  return JSON.stringify(JSON.parse(readFileSync(file, 'utf8'))) === JSON.stringify(JSON.parse(settingsJsonSchema()));
}

if (!process.argv.includes('--check')) writeFileSync(file, settingsJsonSchema());
else if (!isUpToDate()) {
  console.error('assets/settings.schema.json is out of date: run node scripts/settings-schema.mjs.');
  process.exitCode = 1;
}
