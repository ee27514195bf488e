import { PrismaPg } from '@prisma/adapter-pg'
import type { Workload } from '@rekey/drill'
import { Pool } from '@rekey/pg'
import { accounts, server } from './shop.ts'

/** Of the client that `prisma generate` makes: what is used here. */
export interface Client {
  $queryRaw<Rows>(text: TemplateStringsArray): Promise<Rows>
  $disconnect(): Promise<void>
}

export function prismaShop(
  PrismaClient: new (options: { adapter: PrismaPg }) => Client,
): Workload<Client> {
  return {
    ...accounts,
    open(credentials) {
      const adapter = new PrismaPg(new Pool({ ...server, credentials }), {
        disposeExternalPool: true,
      })
      return new PrismaClient({ adapter })
    },
    async work(prisma) {
      const rows = await prisma.$queryRaw<{ user: string }[]>`SELECT session_user AS user`
      return rows[0]?.user
    },
    close: (prisma) => prisma.$disconnect(),
  }
}
