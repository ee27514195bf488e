export type Fields = Record<string, unknown>

/** What somebody asks of the server. */
export interface Question {
  readonly method: string
  /** Without `/v1/`, decoded; for an engine without its mount. */
  readonly path: string
  readonly token: string
  /** Of a secret. */
  readonly version: string | null
  readonly body: Fields
}

/** What an answer has beside what all have. Nothing is 204. */
export type Answer = Fields | undefined

/** An answer with another status. */
export class Refusal extends Error {
  readonly status: number
  readonly data: Fields | undefined

  constructor(status: number, message?: string, data?: Fields) {
    super(message)
    this.status = status
    this.data = data
  }
}

/** What can be mounted. */
export interface Engine extends AsyncDisposable {
  answer(question: Question): Answer | Promise<Answer>
}
