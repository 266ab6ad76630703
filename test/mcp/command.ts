import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)

export type Finished = { code: number | null; stdout: string; stderr: string }

/** Runs a program of an installed package under this Node, to its end. */
export function runBin(
  name: string,
  bin: string,
  args: string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Finished> {
  const root = packageRoot(name)
  const { bin: bins } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    bin: Record<string, string>
  }
  const child = spawn(process.execPath, [join(root, bins[bin] as string), ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, ...output }))
  })
}

/** Where npm put a package. Its `exports` may hide everything, so this looks for the folder itself. */
function packageRoot(name: string): string {
  for (const folder of require.resolve.paths(name) ?? []) {
    const root = join(folder, name)
    try {
      readFileSync(join(root, 'package.json'))
      return root
    } catch {}
  }
  throw new Error(`${name} is not installed (looked from ${dirname(import.meta.filename)})`)
}
