import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'

export type Answer = Record<string, unknown>

/** An agent: a real MCP client with its key in the transport's header, and the session in `_meta`. */
export type Agent = {
  tools(): Promise<string[]>
  /** Calls a tool; throws with code and advice when the server refuses. */
  call(tool: string, input: Answer, session?: string): Promise<Answer>
  /** Calls a tool that should be refused; answers the problem. */
  refused(tool: string, input: Answer, session?: string): Promise<Answer>
  read(uri: string): Promise<Answer>
  close(): Promise<void>
}

export async function connectAgent(url: string, key: string): Promise<Agent> {
  const client = new Client({ name: 'countersign-demo-agent', version: '1.0.0' })
  const headers = { authorization: `Bearer ${key}` }
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit: { headers } }))
  await client.listTools()
  const invoke = (tool: string, input: Answer, session?: string) =>
    client.callTool({
      name: tool,
      arguments: input,
      ...(session ? { _meta: { 'dev.countersign/session': session } } : {}),
    })
  return {
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    async call(tool, input, session) {
      const { isError, structuredContent } = await invoke(tool, input, session)
      const answer = structuredContent as Answer
      if (isError) throw new Error(`${tool} was refused (${answer.code}): ${answer.detail}`)
      return answer
    },
    async refused(tool, input, session) {
      const { isError, structuredContent } = await invoke(tool, input, session)
      if (!isError) throw new Error(`${tool} was expected to be refused`)
      return structuredContent as Answer
    },
    async read(uri) {
      const { contents } = await client.readResource({ uri })
      return JSON.parse((contents[0] as { text: string }).text) as Answer
    },
    close: () => client.close(),
  }
}

/** A person: signs in as a browser does and answers approvals; no key can do that. */
export async function signIn(
  url: string,
  email: string,
  password: string,
): Promise<(path: string, body: Answer) => Promise<Answer>> {
  const json = { 'content-type': 'application/json', origin: url }
  const response = await fetch(`${url}/api/auth/sign-in/email`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ email, password }),
  })
  if (!response.ok) throw new Error(`sign-in answered ${response.status}`)
  const cookie = response.headers
    .getSetCookie()
    .map((each) => each.split(';')[0])
    .join('; ')
  return async (path, body) => {
    const reply = await fetch(url + path, {
      method: 'PATCH',
      headers: { ...json, cookie },
      body: JSON.stringify(body),
    })
    const answer = (await reply.json()) as Answer
    if (!reply.ok) throw new Error(`${path} was refused (${answer.code}): ${answer.detail}`)
    return answer
  }
}
