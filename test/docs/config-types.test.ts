import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { TypeDefinition } from '../../src/config-hub/types/definition.ts'
import { DefinitionInput, needsRebuild } from '../../src/config-hub/types/rules.ts'
import { typesDefine } from '../../src/config-hub/types-define.ts'
import { typesRead } from '../../src/config-hub/types-read.ts'
import type { Operation } from '../../src/operation/define.ts'
import { OPERATIONS } from '../../src/operations.ts'
import { testApp } from '../harness/app.ts'

const text = readFileSync(new URL('../../docs/config-types.md', import.meta.url), 'utf8')
const example = JSON.parse(/```json\n(.*?)```/s.exec(text)![1] as string)
const rows = [...text.matchAll(/^\| `(\w+)`( ·)? \| (.*?) \| (.*) \|$/gm)].map((row) => ({
  member: row[1] as string,
  indexed: row[2] !== undefined,
}))
const members = Object.keys(DefinitionInput.shape)
const described = rows.filter(({ member }) => members.includes(member))

test('[CT-5] the example of the documentation is taken as it stands and has nearly every member', async () => {
  const app = await testApp({ operations: [...new Set<Operation>([...OPERATIONS, typesDefine, typesRead])] })
  await app.org('laurel')
  const key = await app.key({ org: 'laurel', role: 'automation' })
  const put = await key.call('PUT', '/v1/configs/types/tariff', example)
  expect([put.status, put.body.created], JSON.stringify(put.body)).toEqual([200, true])
  const { body } = await key.call('GET', '/v1/configs/types/tariff')
  expect(body.definition).toMatchObject(example)
  await app.close()
  const left = ['sdk_client', 'deletable', 'dependency_only', 'connector', 'blueprint_paths', 'scan']
  expect(members.filter((member) => !(member in example))).toEqual(left)
})

test('every member is described, with what makes a rebuild necessary', () => {
  expect(new Set(described.map(({ member }) => member))).toEqual(new Set(members))
  for (const { member, indexed } of described)
    expect(needsRebuild(undefined, { [member]: 'changed' } as Partial<TypeDefinition>, 1), member).toBe(
      indexed,
    )
})
