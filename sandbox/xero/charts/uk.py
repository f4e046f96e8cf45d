"""Thames Makers Ltd: a British company, GBP, VAT 20 % and 5 %."""

from __future__ import annotations

from decimal import Decimal

from sandbox.xero.charts import Chart, account, bank, rate

_ACCOUNTS = [
    bank("090", "Current Account", "GBP", "20000012345678"),
    bank(None, "Deposit Account", "GBP", "20000087654321"),
    bank("092", "Euro Account", "EUR", "20000055554444"),
    account("200", "Sales", "REVENUE", "OUTPUT2"),
    account("205", "Workshop Tickets", "SALES", "OUTPUT2"),
    account("210", "Commissions", "REVENUE", "OUTPUT2"),
    account("215", "Retainers", "REVENUE", "OUTPUT2"),
    account("220", "Books and Patterns", "SALES", "ZERORATEDOUTPUT"),
    account("225", "Teaching", "REVENUE", "EXEMPTOUTPUT"),
    account("250", "Market Stall (closed)", "REVENUE", "OUTPUT2", Status="ARCHIVED"),
    account("260", "Other Revenue", "OTHERINCOME", "OUTPUT2"),
    account("270", "Interest Income", "OTHERINCOME"),
    account("310", "Materials", "DIRECTCOSTS", "INPUT2"),
    account("320", "Subcontractors", "DIRECTCOSTS", "INPUT2"),
    account("400", "Advertising", "OVERHEADS", "INPUT2"),
    account("404", "Bank and Card Fees", "OVERHEADS", EnablePaymentsToAccount=True),
    account("425", "Postage", "OVERHEADS", "ZERORATEDINPUT"),
    account("445", "Heat and Light", "OVERHEADS", "RRINPUT"),
    account("463", "Software", "OVERHEADS", "INPUT2"),
    account("469", "Rent", "OVERHEADS"),
    account("477", "Salaries", "OVERHEADS"),
    account("497", "Bank Revaluations", "OVERHEADS", SystemAccount="BANKCURRENCYGAIN"),
    account("499", "Realised Currency Gains", "OVERHEADS", SystemAccount="REALISEDCURRENCYGAIN"),
    account("610", "Accounts Receivable", "CURRENT", SystemAccount="DEBTORS"),
    account("620", "Prepayments", "PREPAYMENT"),
    account("710", "Workshop Machines", "FIXED", "INPUT2"),
    account("721", "Depreciation", "DEPRECIATN"),
    account("800", "Accounts Payable", "CURRLIAB", SystemAccount="CREDITORS"),
    account("820", "VAT", "CURRLIAB", SystemAccount="GST"),
    account("825", "PAYE", "CURRLIAB"),
    account("835", "Deposits from Customers", "LIABILITY"),
    account("840", "Historical Adjustment", "CURRLIAB", SystemAccount="HISTORICAL"),
    account("855", "Card Clearing", "CURRENT", EnablePaymentsToAccount=True),
    account("860", "Rounding", "CURRLIAB", SystemAccount="ROUNDING"),
    account("877", "Tracking Transfers", "CURRLIAB", SystemAccount="TRACKINGTRANSFERS"),
    account("960", "Retained Earnings", "EQUITY", SystemAccount="RETAINEDEARNINGS"),
    account("970", "Share Capital", "EQUITY"),
]

_RATES = [
    rate("OUTPUT2", "20% (VAT on Income)", "20", "AQLR", ReportTaxType="OUTPUT"),
    rate("INPUT2", "20% (VAT on Expenses)", "20", "AQEL", ReportTaxType="INPUT"),
    rate("RROUTPUT", "5% (VAT on Income)", "5", "AQLR", ReportTaxType="OUTPUT"),
    rate("RRINPUT", "5% (VAT on Expenses)", "5", "AQEL", ReportTaxType="INPUT"),
    rate("SROUTPUT", "17.5% (VAT on Income)", "17.5", "AQLR", ReportTaxType="OUTPUT", Status="ARCHIVED"),
    rate("EXEMPTOUTPUT", "Exempt Income", "0", "AQLR"),
    rate("EXEMPTINPUT", "Exempt Expenses", "0", "AQEL"),
    rate("ZERORATEDOUTPUT", "Zero Rated Income", "0", "AQLR"),
    rate("ZERORATEDINPUT", "Zero Rated Expenses", "0", "AQEL"),
    rate("NONE", "No VAT", "0", "AQELR"),
]

CHART = Chart(
    key="uk",
    zone="Europe/London",
    organisation={
        "Name": "Thames Makers Ltd",
        "LegalName": "Thames Makers Limited",
        "PaysTax": True,
        "Version": "UK",
        "OrganisationType": "COMPANY",
        "BaseCurrency": "GBP",
        "CountryCode": "GB",
        "IsDemoCompany": False,
        "TaxNumber": "GB 000 0000 01",
        "FinancialYearEndDay": 31,
        "FinancialYearEndMonth": 3,
        "SalesTaxBasis": "ACCRUALS",
        "SalesTaxPeriod": "QUARTERLY",
        "Timezone": "GMTSTANDARDTIME",
        "ShortCode": "!Tm2uK",
        "Edition": "BUSINESS",
        "Class": "COMPREHENSIVE",
    },
    accounts=_ACCOUNTS,
    tax_rates=_RATES,
    currencies={"GBP": "British Pound", "EUR": "Euro", "USD": "United States Dollar"},
    exchange={"EUR": Decimal("1.150000"), "USD": Decimal("1.270000")},
)
